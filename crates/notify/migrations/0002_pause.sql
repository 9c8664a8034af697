-- Channels whose other side asked for a pause. Every statement can be executed a second time without effect.

-- The row counts until its end, and as long as the channel leads to the same target.
CREATE TABLE IF NOT EXISTS notify_pause (
  channel TEXT NOT NULL PRIMARY KEY,
  target TEXT NOT NULL,
  until_us BIGINT NOT NULL
);
