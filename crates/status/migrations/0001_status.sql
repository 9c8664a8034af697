-- The status page. Everything is read into memory at the start and answered from there, so the tables
-- only have to keep: one row per object, its content as JSON.
-- Every statement can be executed a second time without effect.

CREATE TABLE IF NOT EXISTS status_head (
  id BIGINT NOT NULL PRIMARY KEY,
  -- Grows with every write: who holds the row writes, who sees another number reads again.
  revision BIGINT NOT NULL
);
INSERT INTO status_head (id, revision) VALUES (1, 0) ON CONFLICT (id) DO NOTHING;

CREATE TABLE IF NOT EXISTS status_record (
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (kind, name)
);
