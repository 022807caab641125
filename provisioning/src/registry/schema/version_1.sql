-- The registry of a fleet. Times are unix seconds. No private key is ever in here.

-- What init was told, and later commands need.
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Devices and services share one namespace: a service must never be taken for a device.
CREATE TABLE identity (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('device', 'service'))
) STRICT, WITHOUT ROWID;

CREATE TABLE device (
    device_id TEXT PRIMARY KEY REFERENCES identity (name),
    board_state TEXT NOT NULL
        CHECK (board_state IN ('planned', 'keyed', 'issued', 'flashed', 'verified', 'shipped', 'scrapped', 'rework')),
    product TEXT,
    serial_number TEXT,
    work_order TEXT,
    metadata TEXT NOT NULL, -- the other columns of the order, a JSON object
    order_digest BLOB NOT NULL, -- SHA-256 of the order line, to recognise it when the order is run again
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE certificate (
    id INTEGER PRIMARY KEY,
    serial BLOB NOT NULL UNIQUE,
    authority TEXT NOT NULL CHECK (authority IN ('device-ca', 'service-ca', 'broker-ca')),
    identity TEXT REFERENCES identity (name), -- NULL: the broker
    spki_sha256 BLOB NOT NULL UNIQUE, -- the same key is never certified twice
    fingerprint_sha256 BLOB NOT NULL,
    key_origin TEXT NOT NULL CHECK (key_origin IN ('factory', 'device')),
    not_before INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'revoked', 'superseded')),
    revocation_reason TEXT,
    revoked_at INTEGER,
    der BLOB NOT NULL,
    CHECK ((revoked_at IS NOT NULL) = (status IN ('suspended', 'revoked')))
) STRICT;

CREATE INDEX certificate_identity ON certificate (identity);
CREATE INDEX certificate_off ON certificate (authority) WHERE status IN ('suspended', 'revoked');

-- The last CRL of each authority that has one.
CREATE TABLE crl (
    authority TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Directories that may hold staged files: written before the first file, removed after the last.
CREATE TABLE output_directory (
    path TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
