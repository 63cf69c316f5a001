"""The search of S3 tables when Athena is slow, busy, wrong, or stumbles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr

from erasure_location.core.deadline import Deadline
from erasure_location.stores.athena import MAX_UNREADABLE, AthenaNames, AthenaSearch
from erasure_location.stores.athena_queries import Queries
from erasure_location.stores.glue import GlueCatalogue
from erasure_location.use_case import Extent
from erasure_shared.data_map import S3Store
from erasure_shared.errors import OutOfTime, Rejected, RetryLater
from erasure_shared.locations import Found
from tests.unit.location.fake_athena import BUCKET, OUTPUT, FakeAthena, FakeGlue, FakeS3

STORE = S3Store(kind="s3", name="lake", database="db", table="profiles", id_column="profile_id")
PART = "s3://lake/profiles/part-1.parquet"
BROKEN = "s3://lake/profiles/broken.parquet"
RESULTS = [f"s3://{BUCKET}/{OUTPUT}", f"s3://{BUCKET}/{OUTPUT}.metadata"]
WANTED = f"s3://{BUCKET}/wanted/batch-1/ids.json"


def find(
    athena: FakeAthena,
    s3: FakeS3,
    ids: Sequence[str] = ("ann", "bob"),
    remaining_s: Callable[[], float] = lambda: 60.0,
    sleep: Callable[[float], None] = lambda _: None,
    *,
    glue: FakeGlue | None = None,
    store: S3Store = STORE,
) -> tuple[Found, ...]:
    client: Any = athena
    bucket: Any = s3
    queries = Queries(client, bucket, "workgroup", sleep)
    names = AthenaNames(BUCKET, "erasure")
    search = AthenaSearch(catalogue(glue), queries, bucket, names, lambda: "batch-1")
    return search.find(store, [SecretStr(name) for name in ids], Deadline(remaining_s))


def catalogue(glue: FakeGlue | None = None) -> GlueCatalogue:
    client: Any = glue or FakeGlue()
    return GlueCatalogue(client)


def named(found: Found) -> set[str]:
    return {identifier.profile_id.get_secret_value() for identifier in found.identifiers}


def test_a_row_without_an_id_and_an_id_that_was_not_wanted_are_nothing() -> None:
    athena = FakeAthena(rows=[(PART, "ann"), (PART, None), (PART, "zoe")])

    [found] = find(athena, FakeS3())

    assert found.address == PART
    assert named(found) == {"ann"}


def test_the_ids_are_a_list_that_is_joined_and_stand_nowhere_in_athenas_history() -> None:
    athena, s3 = FakeAthena(), FakeS3()

    find(athena, s3, ["canary"])

    [query] = athena.started
    assert query["WorkGroup"] == "workgroup"
    assert query["ExecutionParameters"] == ["'batch-1'"]
    assert "canary" not in str(query)
    assert s3.bodies[WANTED] == b'{"profile_id": "canary"}\n'
    assert s3.deleted == [*RESULTS, WANTED]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("FAILED", "TABLE_NOT_FOUND: no such table"),
        ("FAILED", "GENERIC_INTERNAL_ERROR: null"),
        ("CANCELLED", "by an operator"),
    ],
)
def test_a_query_that_fails_leaves_nothing_behind(state: str, reason: str) -> None:
    s3 = FakeS3()

    with pytest.raises((Rejected, RetryLater)):
        find(FakeAthena(states=[state], reasons=[reason] * 3), s3)

    assert s3.deleted[:2] == RESULTS
    assert s3.objects == set()


def test_a_query_that_stumbles_over_a_changing_object_is_run_again_after_a_pause() -> None:
    reason = f"HIVE_CURSOR_ERROR: Failed to read {PART}: (Status Code: 412)"
    athena = FakeAthena(states=["FAILED"], reasons=[reason] * 2, rows=[(PART, "ann")])
    pauses: list[float] = []

    [found] = find(athena, FakeS3(), sleep=pauses.append)

    assert named(found) == {"ann"}
    assert len(athena.started) == 3
    assert pauses == [2.0, 4.0]


def test_a_query_that_takes_too_long_is_stopped_and_leaves_nothing_behind() -> None:
    athena, s3, now = FakeAthena(states=["RUNNING"]), FakeS3(), [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with pytest.raises(OutOfTime):
        find(athena, s3, remaining_s=lambda: 60.0 - now[0], sleep=sleep)

    assert athena.stopped
    assert s3.deleted == [*RESULTS, WANTED]
    assert 44.0 < now[0] <= 46.5


def test_a_result_that_cannot_be_deleted_does_not_spoil_the_search() -> None:
    [found] = find(FakeAthena(rows=[(PART, "ann")]), FakeS3(broken=True))

    assert named(found) == {"ann"}


def test_an_object_that_cannot_be_read_is_left_out_of_the_next_query() -> None:
    reason = f"HIVE_CURSOR_ERROR: Failed to read Parquet file: {BROKEN}"
    athena = FakeAthena(states=["FAILED"], reasons=[reason], rows=[(PART, "ann")])

    findings = find(athena, FakeS3(objects={BROKEN, PART}))

    assert {found.address: named(found) for found in findings} == {
        PART: {"ann"},
        BROKEN: {"ann", "bob"},
    }
    assert athena.started[1]["ExecutionParameters"] == ["'batch-1'", f"'{BROKEN}'"]


def test_an_object_that_was_deleted_while_it_was_read_is_no_broken_object() -> None:
    reason = f"HIVE_CURSOR_ERROR: Failed to read Parquet file: {BROKEN}"
    athena = FakeAthena(states=["FAILED"], reasons=[reason])

    with pytest.raises(RetryLater):
        find(athena, FakeS3())


def test_objects_that_we_may_not_see_are_for_a_person_to_open() -> None:
    reason = f"HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split {BROKEN}: Access Denied"
    athena = FakeAthena(states=["FAILED"], reasons=[reason])

    with pytest.raises(Rejected) as refusal:
        find(athena, FakeS3(head_status=403))

    assert refusal.value.reason_code == "S3_DENIED"


def test_going_around_an_object_in_vain_ends_the_search() -> None:
    reasons = [f"HIVE_BAD_DATA: {BROKEN} is not a valid Parquet file"] * 2
    athena = FakeAthena(states=["FAILED"], reasons=reasons)

    with pytest.raises(Rejected):
        find(athena, FakeS3(objects={BROKEN}))

    assert len(athena.started) == 2


def test_a_search_goes_around_no_more_than_so_many_objects() -> None:
    uris = [f"s3://lake/profiles/{number}" for number in range(MAX_UNREADABLE + 1)]
    reasons = [f"HIVE_BAD_DATA: {uri} is not a valid Parquet file" for uri in uris]
    athena = FakeAthena(states=["FAILED"], reasons=reasons)

    with pytest.raises(Rejected):
        find(athena, FakeS3(objects=set(uris)))

    assert len(athena.started) == MAX_UNREADABLE + 1


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("TooManyRequestsException", RetryLater),
        ("ThrottlingException", RetryLater),
        ("InvalidRequestException", Rejected),
        ("AccessDeniedException", Rejected),
    ],
)
def test_a_query_that_athena_does_not_take_is_busy_or_wrong(
    code: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        find(FakeAthena(refusal=code), FakeS3())


def test_athenas_words_go_no_further() -> None:
    reason = "INVALID_CAST_ARGUMENT: Cannot cast 'Canary-7f3a' to INT"
    athena = FakeAthena(states=["FAILED"], reasons=[reason])

    with pytest.raises(Rejected) as refusal:
        find(athena, FakeS3())

    assert refusal.value.reason_code == "ATHENA_INVALID_CAST_ARGUMENT"
    assert "Canary" not in str(refusal.value)
    assert "Canary" not in repr(refusal.value.__context__)


def test_an_unknown_refusal_of_s3_is_not_taken_for_an_absent_object() -> None:
    reason = f"HIVE_BAD_DATA: {BROKEN} is not a valid Parquet file"
    athena = FakeAthena(states=["FAILED"], reasons=[reason])

    with pytest.raises(ClientError):
        find(athena, FakeS3(head_status=503))


def survey(athena: FakeAthena, s3: FakeS3) -> Extent:
    client: Any = athena
    bucket: Any = s3
    search = AthenaSearch(
        catalogue(),
        Queries(client, bucket, "workgroup", lambda _: None),
        bucket,
        AthenaNames(BUCKET, "erasure"),
        lambda: "batch-1",
    )
    return search.survey(STORE, [SecretStr("ann")], Deadline(lambda: 60.0))


def test_a_survey_counts_objects_rows_and_bytes_and_leaves_nothing_behind() -> None:
    other = "s3://lake/profiles/part-2.parquet"
    athena, s3 = FakeAthena(rows=[(PART, "3"), (other, "1")]), FakeS3(objects={PART, other})

    extent = survey(athena, s3)

    assert extent == Extent(2, 4, 2_000, 1_000, scanned_bytes=4_000)
    assert s3.deleted == [*RESULTS, WANTED]


def test_a_survey_counts_an_object_that_cannot_be_read_without_rows() -> None:
    reason = f"HIVE_CURSOR_ERROR: Failed to read Parquet file: {BROKEN}"
    athena = FakeAthena(states=["FAILED"], reasons=[reason], rows=[(PART, "3")])

    extent = survey(athena, FakeS3(objects={BROKEN, PART}))

    assert (extent.locations, extent.rows, extent.unreadable) == (2, 3, 1)


def test_a_survey_leaves_out_an_object_that_is_gone_meanwhile() -> None:
    extent = survey(FakeAthena(rows=[(PART, "3")]), FakeS3())

    assert (extent.locations, extent.size_bytes) == (0, 0)


@pytest.mark.parametrize(
    "id_type", ["double", "float", "char(5)", "date", "timestamp", "struct<id:string>", "binary"]
)
def test_ids_whose_text_nobody_can_foretell_are_for_a_person_and_nobody_is_asked(
    id_type: str,
) -> None:
    athena, s3 = FakeAthena(), FakeS3()

    with pytest.raises(Rejected) as refusal:
        find(athena, s3, glue=FakeGlue([("profile_id", id_type)]))

    assert refusal.value.reason_code == "GLUE_ID_TYPE_UNSUPPORTED"
    assert (athena.started, s3.bodies) == ([], {})


def test_an_id_that_athena_would_cut_is_for_a_person_and_nobody_is_asked() -> None:
    athena, glue = FakeAthena(), FakeGlue([("profile_id", "varchar(3)")])

    with pytest.raises(Rejected) as refusal:
        find(athena, FakeS3(), ids=("ann", "annabel"), glue=glue)

    assert refusal.value.reason_code == "GLUE_ID_TYPE_TOO_SHORT"
    assert "annabel" not in refusal.value.describe()
    assert athena.started == []


def test_ids_that_fit_into_the_column_are_searched() -> None:
    athena, glue = FakeAthena(rows=[(PART, "ann")]), FakeGlue([("profile_id", "varchar(3)")])

    [found] = find(athena, FakeS3(), ids=("ann", "bob"), glue=glue)

    assert named(found) == {"ann"}


@pytest.mark.parametrize(
    "glue",
    [
        FakeGlue([("email", "string")]),
        FakeGlue([("email", "string")], partition_keys=[("profile_id", "string")]),
    ],
)
def test_an_id_that_the_objects_do_not_hold_is_for_a_person_to_repair(glue: FakeGlue) -> None:
    with pytest.raises(Rejected) as refusal:
        find(FakeAthena(), FakeS3(), glue=glue)

    assert refusal.value.reason_code == "GLUE_NO_ID_COLUMN"


NESTED = [("Owner", "struct<tags:map<string,int>,ref:struct<price:decimal(9,2),Id:string>>")]


@pytest.mark.parametrize(
    ("columns", "id_column", "quoted"),
    [
        (NESTED, "owner.ref.id", '(t."owner")."ref"."id"'),
        (NESTED, "owner.ref.price", '(t."owner")."ref"."price"'),
        ([("owner.id", "bigint"), *NESTED], "owner.id", 't."owner.id"'),
    ],
)
def test_a_field_of_a_struct_may_hold_the_ids(
    columns: list[tuple[str, str]], id_column: str, quoted: str
) -> None:
    athena = FakeAthena()

    find(
        athena,
        FakeS3(),
        glue=FakeGlue(columns),
        store=STORE.model_copy(update={"id_column": id_column}),
    )

    assert f"CAST({quoted} AS varchar)" in athena.started[0]["QueryString"]


@pytest.mark.parametrize(
    ("id_column", "code"),
    [
        ("owner.tags.id", "GLUE_NO_ID_COLUMN"),
        ("owner.nobody", "GLUE_NO_ID_COLUMN"),
        ("owner.ref", "GLUE_ID_TYPE_UNSUPPORTED"),
        ("owner.", "GLUE_NO_ID_COLUMN"),
    ],
)
def test_a_field_that_no_struct_has_or_that_holds_no_ids_is_for_a_person(
    id_column: str, code: str
) -> None:
    store = STORE.model_copy(update={"id_column": id_column})

    with pytest.raises(Rejected) as refusal:
        find(FakeAthena(), FakeS3(), glue=FakeGlue(NESTED), store=store)

    assert refusal.value.reason_code == code


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("EntityNotFoundException", Rejected),
        ("AccessDeniedException", Rejected),
        ("ThrottlingException", RetryLater),
        ("InternalServiceException", RetryLater),
        ("SomethingNew", ClientError),
    ],
)
def test_what_the_catalogue_says_decides_about_the_message(
    code: str, outcome: type[Exception]
) -> None:
    with pytest.raises(outcome):
        find(FakeAthena(), FakeS3(), glue=FakeGlue(refusal=code))
