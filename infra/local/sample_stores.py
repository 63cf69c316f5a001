"""The sample databases of the local cloud, and the data map that names them.

In AWS these tables are the customer's own; here they stand in for a real one of each kind.
"""

import json
from pathlib import Path
from typing import Any

import boto3
import psycopg

EXAMPLE = Path(__file__).resolve().parents[2] / "schemas" / "data_map.json"
_LOYALTY_ACCOUNTS: dict[str, Any] = {
    "TableName": "loyalty_accounts",
    "KeySchema": [
        {"AttributeName": "profile_id", "KeyType": "HASH"},
        {"AttributeName": "account_id", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "profile_id", "AttributeType": "S"},
        {"AttributeName": "account_id", "AttributeType": "S"},
    ],
    "BillingMode": "PAY_PER_REQUEST",
}
_WEB_SESSIONS: dict[str, Any] = {
    "TableName": "web_sessions",
    "KeySchema": [{"AttributeName": "session_id", "KeyType": "HASH"}],
    "AttributeDefinitions": [
        {"AttributeName": "session_id", "AttributeType": "S"},
        {"AttributeName": "profile_id", "AttributeType": "S"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by_profile",
            "KeySchema": [{"AttributeName": "profile_id", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
}
_POSTGRESQL_TABLES = """
CREATE TABLE IF NOT EXISTS public.customers (
    profile_id text PRIMARY KEY,
    full_name text NOT NULL,
    email text,
    phone text,
    registered_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS public.bookings (
    booking_id text PRIMARY KEY,
    profile_id text NOT NULL,
    flight text NOT NULL,
    departs_on date NOT NULL,
    price numeric(18, 2) NOT NULL
);
CREATE INDEX IF NOT EXISTS bookings_by_profile ON public.bookings (profile_id);
"""


def data_map(stage: str) -> str:
    """The JSON text that tells the services which stores there are: the example, for this stage."""
    document = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    for store in document["stores"]:
        if store["kind"] == "s3":
            store["database"] = f"erasure_{stage}"
    return json.dumps(document)


def create_dynamodb_tables(session: boto3.Session, endpoint_url: str) -> None:
    """Create the tables that are missing."""
    dynamodb = session.client("dynamodb", endpoint_url=endpoint_url)
    present = set(dynamodb.list_tables()["TableNames"])
    for definition in (_LOYALTY_ACCOUNTS, _WEB_SESSIONS):
        if definition["TableName"] not in present:
            dynamodb.create_table(**definition)


def create_postgresql_tables(dsn: str) -> None:
    """Create the tables that are missing."""
    with psycopg.connect(dsn) as connection:
        connection.execute(_POSTGRESQL_TABLES)
