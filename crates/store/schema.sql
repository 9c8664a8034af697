-- The schema as it is after all steps in migrations/, for people who want to look into the database.
-- Lotse does not read this file; a test holds it to the migrations on both engines.
-- Times are microseconds since 1970-01-01T00:00:00Z, durations microseconds, ids lower-case UUIDs, JSON is text.

-- Which steps have been taken.
CREATE TABLE schema_step (
  part TEXT NOT NULL,
  number BIGINT NOT NULL,
  PRIMARY KEY (part, number)
);
INSERT INTO schema_step (part, number) VALUES ('foundation', 1), ('foundation', 2);

-- One row per name ever claimed. A released lease keeps its row, so that the fence never goes back.
CREATE TABLE lease (
  name TEXT NOT NULL PRIMARY KEY,
  holder TEXT NOT NULL,
  holder_note TEXT NOT NULL,
  fence BIGINT NOT NULL,
  until_us BIGINT NOT NULL
);

-- The write-ahead journal. A row without concluded_us is an unfinished intent.
CREATE TABLE intent (
  id TEXT NOT NULL PRIMARY KEY,
  run TEXT NOT NULL,
  cloud TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  action TEXT NOT NULL,
  marker TEXT NOT NULL,
  detail TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  concluded_us BIGINT,
  conclusion TEXT
);
CREATE INDEX intent_unfinished ON intent (cloud, kind, at_us, id) WHERE concluded_us IS NULL;
CREATE INDEX intent_concluded ON intent (concluded_us) WHERE concluded_us IS NOT NULL;
CREATE INDEX intent_run ON intent (run, at_us, id);

-- The ends of the two numbered logs, in one row: whoever appends to either locks it until the commit, so numbers
-- become visible in their order, without gaps, and no two transactions can wait for each other.
CREATE TABLE log_end (
  id BIGINT NOT NULL PRIMARY KEY,
  outbox_seq BIGINT NOT NULL,
  audit_seq BIGINT NOT NULL,
  audit_hash TEXT NOT NULL
);
INSERT INTO log_end (id, outbox_seq, audit_seq, audit_hash)
  VALUES (1, 0, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TABLE outbox (
  seq BIGINT NOT NULL PRIMARY KEY,
  id TEXT NOT NULL,
  topic TEXT NOT NULL,
  subject TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  body TEXT NOT NULL
);
CREATE UNIQUE INDEX outbox_id ON outbox (id);

-- How far each named reader has come: everything up to seq is acknowledged.
CREATE TABLE outbox_reader (
  name TEXT NOT NULL PRIMARY KEY,
  seq BIGINT NOT NULL
);

-- Append only; hash covers previous_hash and all columns before it.
CREATE TABLE audit (
  seq BIGINT NOT NULL PRIMARY KEY,
  at_us BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  outcome TEXT NOT NULL,
  request_ids TEXT NOT NULL,
  detail TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL
);

-- The last activation of each task that ended, by whichever instance, and the last one that succeeded.
CREATE TABLE task_status (
  task TEXT NOT NULL PRIMARY KEY,
  started_us BIGINT NOT NULL,
  duration_us BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  succeeded_us BIGINT
);

-- What was executed: applies, checks, scenarios. A row without ended_us is under way, or its process died.
CREATE TABLE run (
  id TEXT NOT NULL PRIMARY KEY,
  cloud TEXT NOT NULL,
  kind TEXT NOT NULL,
  started_us BIGINT NOT NULL,
  ended_us BIGINT,
  summary TEXT
);
CREATE INDEX run_started ON run (started_us, id);

-- Who is signed in. A session ends at until_us, or when it has not been seen for a while, or when it is removed.
CREATE TABLE session (
  hash TEXT NOT NULL PRIMARY KEY,
  subject TEXT NOT NULL,
  name TEXT NOT NULL,
  roles TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  seen_us BIGINT NOT NULL,
  until_us BIGINT NOT NULL
);
CREATE INDEX session_until ON session (until_us);

-- What scripts sign in with. A revoked token keeps its row for a while, so that people see what became of it.
CREATE TABLE token (
  id TEXT NOT NULL PRIMARY KEY,
  hash TEXT NOT NULL,
  name TEXT NOT NULL,
  owner TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  until_us BIGINT NOT NULL,
  used_us BIGINT,
  revoked_us BIGINT
);
CREATE UNIQUE INDEX token_hash ON token (hash);
CREATE INDEX token_owner ON token (owner, id);

-- Secrets that are good for one use: sign-ins under way, links that sign in.
CREATE TABLE ticket (
  hash TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  detail TEXT NOT NULL,
  until_us BIGINT NOT NULL
);
CREATE INDEX ticket_until ON ticket (until_us);

-- What a write with an idempotency key was answered. A row without status is a write under way, or one that died.
CREATE TABLE answer (
  actor TEXT NOT NULL,
  name TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  status BIGINT,
  body TEXT,
  until_us BIGINT NOT NULL,
  PRIMARY KEY (actor, name)
);
CREATE INDEX answer_until ON answer (until_us);

CREATE INDEX audit_actor ON audit (actor, seq);
CREATE INDEX audit_object ON audit (object, seq);
