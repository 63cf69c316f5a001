"""What becomes of one record of the stream: pure decisions, bytes in, bytes or a reason out.

base64 ──► documents ──► schema ──► columns ──► one JSON line per document + partition date
              │            │           │
              └────────────┴───────────┴──► Refused(reason, field): the record fails as a whole
"""
