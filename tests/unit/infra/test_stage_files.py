"""A stage is a file; what is wrong with it is said with its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.stage_files import FOLDER, BadInput, data_map_text, read_stage


def complaint(folder: Path, document: Any) -> str:
    text = document if isinstance(document, str) else json.dumps(document)
    (folder / "dev.json").write_text(text)
    with pytest.raises(BadInput) as wrong:
        read_stage("dev", deployed=False, folder=folder)
    return str(wrong.value)


@pytest.mark.parametrize("name", sorted(file.stem for file in FOLDER.glob("*.json")))
def test_every_stage_of_the_repository_can_be_read(name: str) -> None:
    stage = read_stage(name, deployed=False)

    database = json.loads(stage.parameters["platform"]["DataMap"])["stores"][0]["database"]
    assert database == f"erasure_{name}"


@pytest.mark.parametrize("name", ["", "Prod", "1st", "my-stage", "a" * 17, "dev/../prod"])
def test_a_name_that_no_stage_can_have_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="a stage is a lower-case letter"):
        read_stage(name, deployed=True)


def test_a_stage_without_a_file_must_be_deployed_already() -> None:
    with pytest.raises(BadInput, match="no stage staging: infra/stages has dev, prod"):
        read_stage("staging", deployed=False)

    assert read_stage("staging", deployed=True).parameters == {}


def test_a_file_that_is_not_json_is_named(tmp_path: Path) -> None:
    assert "dev.json is not JSON" in complaint(tmp_path, "{")


def test_a_member_that_means_nothing_is_refused(tmp_path: Path) -> None:
    message = complaint(tmp_path, {"parametres": {}})

    assert message.endswith("its members are data_map, parameters, target")


def test_parameters_of_no_stack_are_refused(tmp_path: Path) -> None:
    message = complaint(tmp_path, {"parameters": {"purgatory": {}}})

    assert message.endswith("no stack is called purgatory")


def test_a_data_map_that_is_not_there_is_named(tmp_path: Path) -> None:
    message = complaint(tmp_path, {"data_map": "schemas/nowhere.json"})

    assert message == "the data map schemas/nowhere.json does not exist"


def test_a_data_map_with_an_unknown_kind_of_store_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "map.json"
    store = {"name": "crm", "kind": "mongodb", "table": "t", "id_column": "id"}
    file.write_text(json.dumps({"version": "1", "stores": [store]}))

    with pytest.raises(BadInput, match="kind") as wrong:
        data_map_text(file)

    assert str(file) in str(wrong.value)


def test_a_data_map_beyond_measure_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "map.json"
    document = json.loads((FOLDER.parents[1] / "schemas/data_map.dev.json").read_text("utf-8"))
    ignored = {"kind": "dynamodb", "table": "goods", "reason": "r" * 500}
    file.write_text(json.dumps(document | {"ignored_tables": [ignored] * 2_000}))

    with pytest.raises(BadInput, match="a data map has at most 1,000,000 bytes"):
        data_map_text(file)


def test_a_data_map_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "map.json"
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(BadInput, match=r"map\.json cannot be read as text"):
        data_map_text(file)


def test_a_password_comes_from_the_environment_and_from_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dev.json").write_text("{}")
    monkeypatch.setenv("POSTGRESQL_DSN", "postgresql://somewhere/db")

    stage = read_stage("dev", deployed=False, folder=tmp_path)

    assert stage.parameters["platform"]["PostgresqlDsn"] == "postgresql://somewhere/db"
