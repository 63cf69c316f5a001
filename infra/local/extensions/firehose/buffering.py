"""Gathers the records of every delivery stream, by size and by time.

https://docs.aws.amazon.com/firehose/latest/dev/buffering-hints.html
"""

import base64
import contextvars
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ministack.services import firehose, kinesis

from infra.local.extensions.firehose.delivery import deliver
from infra.local.extensions.firehose.records import Record

_DEFAULT_SECONDS, _DEFAULT_MEGABYTES = 300, 5
_log = logging.getLogger("firehose.buffering")
_buffers: dict[str, "Buffer"] = {}
_buffers_lock = threading.Lock()


def install() -> None:
    """Let records gather before they are delivered, wherever they come from."""
    firehose.ingest_from_kinesis_source = _take_from_kinesis
    firehose._deliver_records_to_s3 = _take_directly


class Buffer:
    """The records of one delivery stream that are not delivered yet."""

    def __init__(self, stream: Mapping[str, Any]) -> None:
        self.stream = stream
        self.created_at_s = time.time()
        self._records: list[Record] = []
        self._size_bytes = 0
        self._first_at_s = 0.0
        self._changed = threading.Condition()
        self._read_until: dict[str, int] = {}
        context = contextvars.copy_context()  # account and region of the request that feeds us
        thread = threading.Thread(target=context.run, args=(self._deliver_for_ever,), daemon=True)
        thread.start()

    def add(self, records: Sequence[Record]) -> None:
        """Take records in; they are delivered when the buffer is full or old enough."""
        with self._changed:
            self._add(records)

    def add_from_shards(self, shards: Mapping[str, Mapping[str, Any]]) -> None:
        """Take in what the shards of the source got since we last looked."""
        with self._changed:
            for shard_id, shard in shards.items():
                new = list(_after(shard["records"], self._read_until.get(shard_id, 0)))
                recent = [item for item in new if self._is_ours(item)]
                self._add([_from_kinesis(shard_id, item) for item in reversed(recent)])
                if new:
                    self._read_until[shard_id] = int(new[0]["SequenceNumber"])

    def _is_ours(self, item: Mapping[str, Any]) -> bool:
        source = self.stream.get("kinesis_source") or {}
        started_s = source.get("DeliveryStartTimestamp") or 0
        return bool(item["ApproximateArrivalTimestamp"] >= started_s)

    def _add(self, records: Sequence[Record]) -> None:
        if not self._records:
            self._first_at_s = time.monotonic()
        self._records += records
        self._size_bytes += sum(len(record.data) for record in records)
        self._changed.notify()

    def _deliver_for_ever(self) -> None:
        while True:
            records = self._due()
            try:
                deliver(self.stream, records)
            except Exception:  # noqa: BLE001 - the next buffer must not suffer
                _log.exception("%s: a buffer could not be delivered", self.stream["name"])

    def _due(self) -> list[Record]:
        """Wait until the buffer is full or old enough, then empty it."""
        with self._changed:
            while (wait_s := self._wait_s()) > 0:
                self._changed.wait(wait_s)
            records, self._records, self._size_bytes = self._records, [], 0
            return records

    def _wait_s(self) -> float:
        seconds, size_bytes = _hints(self.stream)
        if not self._records:
            return threading.TIMEOUT_MAX
        if self._size_bytes >= size_bytes:
            return 0
        return self._first_at_s + seconds - time.monotonic()


def _hints(stream: Mapping[str, Any]) -> tuple[float, float]:
    """How many seconds and bytes to gather; read anew, because they can be updated."""
    settings = [destination["config"] for destination in stream["destinations"]]
    hints: Mapping[str, Any] = next(
        (item["BufferingHints"] for item in settings if "BufferingHints" in item), {}
    )
    seconds = float(hints.get("IntervalInSeconds", _DEFAULT_SECONDS))
    return seconds, float(hints.get("SizeInMBs", _DEFAULT_MEGABYTES)) * 2**20


def _buffer_of(stream: Mapping[str, Any]) -> Buffer:
    with _buffers_lock:
        buffer = _buffers.get(stream["arn"])
        if buffer is None or buffer.stream is not stream:
            buffer = _buffers[stream["arn"]] = Buffer(stream)
        return buffer


def _take_directly(
    stream: Mapping[str, Any], _destination: object, records: Sequence[tuple[str, bytes]]
) -> None:
    """PutRecord and PutRecordBatch on the delivery stream itself."""
    now_ms = int(time.time() * 1000)
    _buffer_of(stream).add([Record(record_id, data, now_ms) for record_id, data in records])


def _take_from_kinesis(stream_arn: str, _records: object) -> None:
    """Called after every put on a Kinesis stream; reads its shards as a consumer would."""
    source = next(
        (item for item in kinesis._streams.values() if item["StreamARN"] == stream_arn), None
    )
    for stream in list(firehose._streams.values()):
        settings = stream.get("kinesis_source") or {}
        if source and settings.get("KinesisStreamARN") == stream_arn:
            _buffer_of(stream).add_from_shards(dict(source["shards"]))


def _after(records: Sequence[Mapping[str, Any]], number: int) -> Iterator[Mapping[str, Any]]:
    """The records behind a sequence number, newest first."""
    for item in reversed(records):
        if int(item["SequenceNumber"]) <= number:
            return
        yield item


def _from_kinesis(shard_id: str, item: Mapping[str, Any]) -> Record:
    arrived_ms = int(item["ApproximateArrivalTimestamp"] * 1000)
    return Record(
        record_id=f"{item['SequenceNumber']}000000",
        data=base64.b64decode(item["Data"]),
        arrived_ms=arrived_ms,
        kinesis_metadata={
            "shardId": shard_id,
            "partitionKey": item["PartitionKey"],
            "approximateArrivalTimestamp": arrived_ms,
            "sequenceNumber": item["SequenceNumber"],
            "subsequenceNumber": 0,
        },
    )
