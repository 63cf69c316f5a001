"""The local cloud: MiniStack as AWS, PostgreSQL, and the very templates and zips that go to AWS.

`from infra.local.cloud import LocalCloud` for programs, `python -m infra.local up` for people.
Nothing is imported here, because MiniStack's own interpreter loads `infra.local.extensions` and has
none of the project's packages.
"""
