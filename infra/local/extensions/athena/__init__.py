"""Athena: SQL in Athena's dialect over the tables of the Glue catalogue.

Gap: MiniStack 1.5.33 hands the query text to DuckDB as it is. It knows no `"$path"`, no execution
parameters, no partition projection and no limits, writes the result under a wrong key, and an older
file without a new column or a broken file does not behave as in Athena.

No longer needed when `tests/contract/local_cloud/test_athena.py` passes without `install()`.

`service` speaks the API, `query` translates and runs one query, `catalogue` finds the tables and
their objects, `relation` turns objects into a relation, `text` writes values as Athena does.
"""

from infra.local.extensions.athena.service import install

__all__ = ["install"]
