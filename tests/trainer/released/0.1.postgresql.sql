-- The tables as version 0.1 made them, without a revision, and a run.

CREATE TABLE runs (
    sequence BIGSERIAL NOT NULL,
    tenant VARCHAR(64) NOT NULL,
    id VARCHAR(64) NOT NULL,
    request_id VARCHAR(36),
    version BIGINT NOT NULL,
    state VARCHAR(16) NOT NULL,
    spec BYTEA NOT NULL,
    create_time TIMESTAMP WITH TIME ZONE NOT NULL,
    start_time TIMESTAMP WITH TIME ZONE,
    end_time TIMESTAMP WITH TIME ZONE,
    committed INTEGER NOT NULL,
    progress_phase TEXT,
    progress_done INTEGER,
    progress_total INTEGER,
    ledger BYTEA NOT NULL,
    failure_code INTEGER,
    failure_message TEXT,
    failure_status BYTEA,
    result BYTEA NOT NULL,
    token_digest BYTEA NOT NULL,
    fencing_token BIGINT NOT NULL,
    lease_expires TIMESTAMP WITH TIME ZONE,
    checkpoint VARCHAR(128) NOT NULL,
    last_commit BYTEA NOT NULL,
    losses INTEGER NOT NULL,
    launch_after TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (sequence),
    UNIQUE (tenant, id),
    UNIQUE (tenant, request_id)
);

CREATE INDEX runs_by_state ON runs (tenant, state);

CREATE TABLE iterations (
    run BIGINT NOT NULL,
    index INTEGER NOT NULL,
    tenant VARCHAR(64) NOT NULL,
    payload BYTEA NOT NULL,
    checkpoint VARCHAR(128) NOT NULL,
    PRIMARY KEY (run, index),
    FOREIGN KEY(run) REFERENCES runs (sequence)
);

CREATE TABLE test_openings (
    tenant VARCHAR(64) NOT NULL,
    suite_digest VARCHAR(128) NOT NULL,
    run BIGINT NOT NULL,
    open_time TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (tenant, suite_digest, run),
    FOREIGN KEY(run) REFERENCES runs (sequence)
);

INSERT INTO runs (tenant, id, request_id, version, state, spec, create_time, committed, ledger, result,
    token_digest, fencing_token, checkpoint, last_commit, losses)
VALUES ('default', 'one', 'request', 3, 'running', '\x73706563', '2026-03-29 02:30:00.000001+00', 1, '\x6c', '\x',
    '\x', 7, 'sha256:c', '\x', 2);

INSERT INTO iterations (run, "index", tenant, payload, checkpoint)
VALUES (1, 0, 'default', '\x7061796c6f6164', 'sha256:c');

INSERT INTO test_openings (tenant, suite_digest, run, open_time)
VALUES ('default', 'sha256:s', 1, '2026-03-29 02:30:00.000001+00');
