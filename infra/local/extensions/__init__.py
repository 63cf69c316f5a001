"""What MiniStack lacks and we lean on, one module per gap.

Each module says which gap it closes and how to see that it is no longer needed, and has an
`install()` that is called before MiniStack serves. They replace functions inside MiniStack, so its
version is pinned exactly, and `tests/contract/local_cloud` proves every behaviour after an upgrade.
"""
