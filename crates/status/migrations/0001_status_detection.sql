-- What monitors told and what is proposed because of it.
-- Every statement can be executed a second time without effect.

CREATE TABLE IF NOT EXISTS status_detection_head (
  id BIGINT NOT NULL PRIMARY KEY,
  -- Grows with every write: who holds the row writes.
  revision BIGINT NOT NULL
);
INSERT INTO status_detection_head (id, revision) VALUES (1, 0) ON CONFLICT (id) DO NOTHING;

-- Measures, heartbeats, and ids of messages that were taken.
CREATE TABLE IF NOT EXISTS status_detection_note (
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (kind, name)
);

CREATE TABLE IF NOT EXISTS status_detection_proposal (
  id TEXT NOT NULL PRIMARY KEY,
  -- 1 until the trouble is over and everything that follows from it is done.
  live BIGINT NOT NULL,
  opened_us BIGINT NOT NULL,
  document TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS status_detection_proposal_by_time
  ON status_detection_proposal (live, opened_us);
