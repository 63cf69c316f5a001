"""Random Parquet files: what hypothesis draws is the shape, a seeded generator fills it."""

from __future__ import annotations

import datetime as dt
import decimal
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import hypothesis.strategies as st
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

ID = "profile_id"
LEAVES = [
    pa.string(),
    pa.large_string(),
    pa.binary(),
    pa.binary(5),
    pa.bool_(),
    pa.int8(),
    pa.int16(),
    pa.int32(),
    pa.int64(),
    pa.uint8(),
    pa.uint32(),
    pa.uint64(),
    pa.float32(),
    pa.float64(),
    pa.decimal128(9, 2),
    pa.decimal128(30, 5),
    pa.timestamp("ms"),
    pa.timestamp("us", tz="UTC"),
    pa.timestamp("ns"),
    pa.date32(),
    pa.time64("us"),
    pa.dictionary(pa.int32(), pa.string()),
    pa.null(),
]
_BASES = [pa.string(), pa.int32(), pa.bool_(), pa.float64(), pa.timestamp("ms")]
_NESTINGS: list[Callable[[pa.DataType], pa.DataType]] = [
    pa.list_,
    lambda t: pa.list_(pa.list_(t)),
    lambda t: pa.struct([("a", t), ("b", pa.list_(pa.string()))]),
    lambda t: pa.list_(pa.struct([("x", t), ("y", pa.list_(pa.int32()))])),
    lambda t: pa.map_(pa.string(), t),
    lambda t: pa.struct([("s", pa.struct([("t", t)]))]),
]
NESTED = [nest(base) for base in _BASES for nest in _NESTINGS]
ID_SHAPES: dict[str, Callable[[int], str]] = {
    "uuid": lambda n: f"{n:08x}-aaaa-bbbb-cccc-{n:012d}",
    "short": lambda n: f"id{n}",
    "uneven": lambda n: "u" * (n % 40) + f"#{n}#",
}


@dataclass(frozen=True)
class Shape:
    """What a file looks like."""

    seed: int
    rows: int
    people: int
    sorted_ids: bool
    null_ids: bool
    id_shape: str
    columns: tuple[pa.DataType, ...]
    null_share: float
    cardinality: int | None
    writer: str
    options: dict[str, Any]


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """Any file of any writer."""
    rows = draw(st.sampled_from([1, 3, 20, 200, 1000, 3000]))
    options = {
        "compression": draw(st.sampled_from(["gzip", "gzip", "none", "snappy", "zstd", "lz4"])),
        "data_page_version": draw(st.sampled_from(["1.0", "2.0"])),
        "data_page_size": draw(st.sampled_from([32, 200, 1000, 1 << 20])),
        "write_batch_size": draw(st.sampled_from([1, 7, 64, 1024])),
        "row_group_size": draw(st.sampled_from([max(1, rows // 4), rows, rows + 1])),
        "write_page_index": draw(st.booleans()),
        "write_page_checksum": draw(st.booleans()),
        "dictionary_pagesize_limit": draw(st.sampled_from([50, 500, 1 << 20])),
        "use_dictionary": draw(st.booleans()),
        "use_deprecated_int96_timestamps": draw(st.booleans()),
        "store_decimal_as_integer": draw(st.booleans()),
        "write_statistics": draw(st.booleans()),
        "exotic_encodings": draw(st.booleans()),
    }
    return Shape(
        seed=draw(st.integers(0, 1 << 30)),
        rows=rows,
        people=max(1, rows // draw(st.sampled_from([1, 2, 5]))),
        sorted_ids=draw(st.booleans()),
        null_ids=draw(st.booleans()),
        id_shape=draw(st.sampled_from(sorted(ID_SHAPES))),
        columns=tuple(
            draw(st.lists(st.sampled_from(LEAVES) | st.sampled_from(NESTED), max_size=4))
        ),
        null_share=draw(st.sampled_from([0, 0.1, 0.9, 1])),
        cardinality=draw(st.sampled_from([None, 3, 20, 200])),
        writer=draw(st.sampled_from(["pyarrow", "pyarrow", "pyarrow", "duckdb", "polars"])),
        options=options,
    )


def person(shape: Shape, number: int) -> str:
    """The id of one of the file's people."""
    return ID_SHAPES[shape.id_shape](number)


def secret(shape: Shape, number: int) -> str:
    """A text that only this person's rows hold."""
    return f"SECRET-{number}-OF-{shape.seed}."


def table(shape: Shape) -> pa.Table:
    """The rows: an id, two secrets of that person (one nested), and other columns."""
    rng = random.Random(shape.seed)
    who = [rng.randrange(shape.people) for _ in range(shape.rows)]
    if shape.sorted_ids:
        who.sort()
    ids = [None if shape.null_ids and rng.random() < 0.1 else person(shape, n) for n in who]
    texts = [None if i is None else secret(shape, n) for i, n in zip(ids, who, strict=True)]
    nested = [[{"v": text} for _ in range(rng.randrange(4))] for text in texts]
    columns = {
        ID: pa.array(ids, pa.string()),
        "secret": pa.array(texts, pa.string()),
        "nested": pa.array(nested, pa.list_(pa.struct([("v", pa.string())]))),
    }
    for number, kind in enumerate(shape.columns):
        columns[f"c{number}"] = pa.array(
            [_value(rng, kind, shape) for _ in range(shape.rows)], kind
        )
    return pa.table(columns).replace_schema_metadata({"k": "v"} if rng.random() < 0.5 else None)


_SCALARS: list[
    tuple[Callable[[pa.DataType], bool], Callable[[random.Random, pa.DataType], Any]]
] = [
    (pa.types.is_fixed_size_binary, lambda r, t: r.randbytes(t.byte_width)),
    (pa.types.is_binary, lambda r, _: r.randbytes(r.randrange(9))),
    (pa.types.is_boolean, lambda r, _: r.random() < 0.5),
    (
        pa.types.is_floating,
        lambda r, _: r.choice([float("nan"), -0.0, 0.0, r.random(), float(r.randrange(50))]),
    ),
    (
        pa.types.is_decimal,
        lambda r, t: decimal.Decimal(r.randrange(-(10**6), 10**6)).scaleb(-t.scale),
    ),
    (
        pa.types.is_timestamp,
        lambda r, t: (
            dt.datetime(2020, 1, 1, tzinfo=dt.UTC if t.tz else None)
            + dt.timedelta(seconds=r.randrange(10**8))
        ),
    ),
    (pa.types.is_date, lambda r, _: dt.date(2020, 1, 1) + dt.timedelta(days=r.randrange(3000))),
    (pa.types.is_time, lambda r, _: dt.time(r.randrange(24), r.randrange(60))),
    (pa.types.is_dictionary, lambda r, _: f"d{r.randrange(8)}"),
    (pa.types.is_null, lambda _r, _t: None),
]


def _value(rng: random.Random, kind: pa.DataType, shape: Shape) -> Any:
    if rng.random() < shape.null_share:
        return None
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        text = f"v{rng.randrange(shape.cardinality or 10**9)}"
        return "" if rng.random() < 0.05 else text * rng.choice([1, 1, 4])
    if pa.types.is_integer(kind):
        span = 1 << kind.bit_width
        low = 0 if str(kind).startswith("u") else -(span // 2)
        return low + rng.randrange(min(span, shape.cardinality or span))
    if pa.types.is_list(kind):
        count = rng.choice([0, 0, 1, 2, 3, 30 if rng.random() < 0.1 else 1])
        return [_value(rng, kind.value_type, shape) for _ in range(count)]
    if pa.types.is_struct(kind):
        return {part.name: _value(rng, part.type, shape) for part in kind}
    if pa.types.is_map(kind):
        return [(f"k{n}", _value(rng, kind.item_type, shape)) for n in range(rng.randrange(4))]
    return next(make for matches, make in _SCALARS if matches(kind))(rng, kind)


def write(shape: Shape, rows: pa.Table, path: Path) -> None:
    """Write the rows as the shape's writer does; raises if that writer cannot."""
    options = dict(shape.options)
    exotic = options.pop("exotic_encodings")
    if shape.writer == "pyarrow":
        if exotic:
            options["use_dictionary"] = False
            options["column_encoding"] = _encodings(random.Random(shape.seed), rows.schema)
        pq.write_table(rows, path, **options)
    elif shape.writer == "duckdb":
        with duckdb.connect() as connection:
            connection.register("t", rows)
            version = "v2" if options["data_page_version"] == "2.0" else "v1"
            connection.execute(
                f"copy t to '{path}' (format parquet, codec 'gzip', row_group_size 2048,"
                f" parquet_version {version})"
            )
    else:
        pl.DataFrame(rows).write_parquet(
            path,
            compression="gzip",
            row_group_size=options["row_group_size"],
            data_page_size=options["data_page_size"],
        )


def _encodings(rng: random.Random, schema: pa.Schema) -> dict[str, str]:
    """An encoding for every flat column that has a choice."""
    chosen = {}
    for part in schema:
        choices = _choices(part.type)
        if choices:
            chosen[part.name] = rng.choice(choices)
    return chosen


def _choices(kind: pa.DataType) -> list[str]:
    if pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_string(kind):
        return ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"]
    if kind in (pa.int32(), pa.int64()):
        return ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"]
    if kind in (pa.float32(), pa.float64()):
        return ["PLAIN", "BYTE_STREAM_SPLIT"]
    if pa.types.is_fixed_size_binary(kind):
        return ["PLAIN", "BYTE_STREAM_SPLIT"]
    return ["PLAIN", "RLE"] if pa.types.is_boolean(kind) else []
