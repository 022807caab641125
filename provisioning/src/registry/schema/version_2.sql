-- Version 2. The registry keeps what a single wrong clock or a restored backup must not undo.

-- The certificate table gains columns that depend on each other, so it is written anew.
CREATE TABLE certificate_2 (
    id INTEGER PRIMARY KEY,
    serial BLOB NOT NULL UNIQUE,
    authority TEXT NOT NULL CHECK (authority IN ('device-ca', 'service-ca', 'broker-ca')),
    identity TEXT REFERENCES identity (name), -- NULL: the broker
    spki_sha256 BLOB NOT NULL UNIQUE, -- the same key is never certified twice
    fingerprint_sha256 BLOB NOT NULL,
    key_origin TEXT NOT NULL CHECK (key_origin IN ('factory', 'device', 'unknown')), -- unknown: read back from a file
    not_before INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'revoked', 'superseded')),
    status_before TEXT CHECK (status_before IN ('active', 'superseded')), -- what the end of a suspension brings back
    revocation_reason TEXT,
    revoked_at INTEGER,
    revoke_from INTEGER CHECK (revoke_from IS NULL OR status <> 'active'), -- of a replaced one: when it is to be revoked
    listed_from INTEGER, -- the number of the first CRL that lists it; NULL again after every change of status
    der BLOB NOT NULL,
    CHECK ((revoked_at IS NOT NULL) = (status IN ('suspended', 'revoked'))),
    CHECK ((status_before IS NOT NULL) = (status = 'suspended'))
) STRICT;

INSERT INTO certificate_2 (id, serial, authority, identity, spki_sha256, fingerprint_sha256, key_origin, not_before,
    not_after, status, status_before, revocation_reason, revoked_at, der)
SELECT id, serial, authority, identity, spki_sha256, fingerprint_sha256, key_origin, not_before, not_after, status,
    -- Version 1 did not record it: the newest certificate of an identity was active, those before it superseded.
    CASE WHEN status <> 'suspended' THEN NULL
         WHEN EXISTS (SELECT 1 FROM certificate AS newer WHERE newer.identity = this.identity AND newer.id > this.id)
         THEN 'superseded' ELSE 'active' END,
    revocation_reason, revoked_at, der
FROM certificate AS this ORDER BY id;

DROP TABLE certificate;
ALTER TABLE certificate_2 RENAME TO certificate;
CREATE INDEX certificate_identity ON certificate (identity);
CREATE INDEX certificate_off ON certificate (authority) WHERE status IN ('suspended', 'revoked');
CREATE INDEX certificate_to_revoke ON certificate (revoke_from) WHERE revoke_from IS NOT NULL;

-- A device that was read back from files has no order line.
CREATE TABLE device_2 (
    device_id TEXT PRIMARY KEY REFERENCES identity (name),
    board_state TEXT NOT NULL
        CHECK (board_state IN ('planned', 'keyed', 'issued', 'flashed', 'verified', 'shipped', 'scrapped', 'rework')),
    product TEXT,
    serial_number TEXT,
    shared_serial INTEGER NOT NULL DEFAULT 0 CHECK (shared_serial IN (0, 1)), -- other boards may have the number, too
    work_order TEXT,
    metadata TEXT NOT NULL, -- the other columns of the order, a JSON object
    order_digest BLOB, -- SHA-256 of the order line, to recognise it when the order is run again
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO device_2 (device_id, board_state, product, serial_number, work_order, metadata, order_digest, created_at)
SELECT device_id, board_state, product, serial_number, work_order, metadata, order_digest, created_at FROM device;

DROP TABLE device;
ALTER TABLE device_2 RENAME TO device;
CREATE INDEX device_serial_number ON device (serial_number) WHERE serial_number IS NOT NULL;
CREATE INDEX device_work_order ON device (work_order) WHERE work_order IS NOT NULL;
-- Names that differ in ASCII case alone are one name to many file systems.
CREATE INDEX identity_without_case ON identity (name COLLATE NOCASE);

-- Every CRL that was signed. By them it is known when an entry may leave the list.
CREATE TABLE crl_signing (
    authority TEXT NOT NULL CHECK (authority IN ('device-ca', 'service-ca')),
    number INTEGER NOT NULL,
    this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL,
    trusted INTEGER NOT NULL CHECK (trusted IN (0, 1)), -- 0: by a clock behind a witness, or found to be wrong later
    published INTEGER NOT NULL CHECK (published IN (0, 1)), -- 1: the list is known to have taken its place
    PRIMARY KEY (authority, number)
) STRICT, WITHOUT ROWID;

-- Of the last list of version 1, neither is known.
INSERT INTO crl_signing (authority, number, this_update, next_update, trusted, published)
SELECT authority, number, this_update, next_update, 0, 0 FROM crl;

CREATE INDEX crl_signing_proven ON crl_signing (authority, this_update) WHERE trusted = 1 AND published = 1;

-- Entries of CRLs without a certificate in this registry: taken over from a list that is to be replaced.
CREATE TABLE carried (
    authority TEXT NOT NULL CHECK (authority IN ('device-ca', 'service-ca')),
    serial BLOB NOT NULL, -- DER content octets, of any length
    revoked_at INTEGER NOT NULL,
    revocation_reason TEXT NOT NULL,
    not_after INTEGER, -- NULL: not known, so the entry stays
    list_number INTEGER, -- the list it was found in; NULL: it was revoked by its certificate
    listed_from INTEGER, -- as of a certificate
    PRIMARY KEY (authority, serial)
) STRICT, WITHOUT ROWID;

-- The end of a suspension, by which a hold in a list up to this number is known to be over.
CREATE TABLE resumption (
    authority TEXT NOT NULL CHECK (authority IN ('device-ca', 'service-ca')),
    serial BLOB NOT NULL,
    list_number INTEGER NOT NULL,
    resumed_at INTEGER NOT NULL,
    PRIMARY KEY (authority, serial, list_number)
) STRICT, WITHOUT ROWID;

-- What the clock is compared with. newest: the newest time that any act was done at. last_act: the newest that is not
-- a leap ahead, or that an operator agreed to.
CREATE TABLE witness (
    name TEXT PRIMARY KEY CHECK (name IN ('newest', 'last_act')),
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How often an operator set the witnesses straight, and from what.
CREATE TABLE clock_acceptance (
    id INTEGER PRIMARY KEY,
    accepted INTEGER NOT NULL, -- the time it was, by the operator
    clock INTEGER NOT NULL, -- the time it was, by the machine
    newest INTEGER NOT NULL, -- the witness until then
    last_act INTEGER NOT NULL -- the witness until then
) STRICT;

INSERT INTO witness (name, at)
SELECT name, max(0, (SELECT ifnull(max(this_update), 0) FROM crl), (SELECT ifnull(max(created_at), 0) FROM device),
    (SELECT ifnull(max(not_before), 0) FROM certificate), (SELECT ifnull(max(revoked_at), 0) FROM certificate))
FROM (SELECT 'newest' AS name UNION ALL SELECT 'last_act');

DROP TABLE crl;

-- How long the fleet's brokers let an expired certificate renew itself, in seconds; the largest value there ever was.
INSERT INTO setting (name, value) VALUES ('largest_renewal_grace', '0');
