"""A PostgreSQL column in whose collation different texts are equal, without ICU.

The bundled server has no collations of that kind. In their place stands an operator that compares
as one of them would: loosely, except where the comparison names the collation "C".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

_SETUP = """
CREATE SCHEMA loose;
CREATE FUNCTION loose.same(a text, b text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF pg_catalog.pg_collation_for(a) OPERATOR(pg_catalog.=) '"C"' THEN
        RETURN a OPERATOR(pg_catalog.=) b;
    END IF;
    RETURN pg_catalog.lower(a) OPERATOR(pg_catalog.=) pg_catalog.lower(b);
END $$;
CREATE OPERATOR loose.= (LEFTARG = text, RIGHTARG = text, FUNCTION = loose.same);
SET search_path = loose, pg_catalog, public;
"""


@contextmanager
def equal_whatever_the_case(connection: psycopg.Connection) -> Iterator[None]:
    """Whatever compares texts on this connection takes "ann" and "ANN" for equal."""
    connection.execute(_SETUP)
    try:
        yield
    finally:
        connection.execute("RESET search_path; DROP SCHEMA loose CASCADE")
