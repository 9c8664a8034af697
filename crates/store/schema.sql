-- The schema as it is after all steps in migrations/, for people who want to look into the database.
-- Lotse does not read this file; a test holds it to the migrations on both engines.
-- Times are microseconds since 1970-01-01T00:00:00Z, durations microseconds, ids lower-case UUIDs, JSON is text.

-- Which steps have been taken.
CREATE TABLE schema_step (
  part TEXT NOT NULL,
  number BIGINT NOT NULL,
  PRIMARY KEY (part, number)
);
INSERT INTO schema_step (part, number) VALUES ('foundation', 1);

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
