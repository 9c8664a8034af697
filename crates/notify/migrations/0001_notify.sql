-- The words of section "Notifications": what is on its way to whom, and what became of it.
-- Every statement can be executed a second time without effect.

-- One message to one recipient. A waiting row whose due_us has come may be claimed: whoever counts attempts up first
-- has it until the due_us that it set.
CREATE TABLE IF NOT EXISTS notify_delivery (
  id TEXT NOT NULL PRIMARY KEY,
  channel TEXT NOT NULL,
  recipient TEXT NOT NULL,
  repeats TEXT NOT NULL,
  items TEXT NOT NULL,
  omitted BIGINT NOT NULL,
  state TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  created_us BIGINT NOT NULL,
  opened_us BIGINT NOT NULL,
  due_us BIGINT NOT NULL,
  ended_us BIGINT,
  said TEXT
);
CREATE INDEX IF NOT EXISTS notify_delivery_due ON notify_delivery (due_us, id) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS notify_delivery_repeats ON notify_delivery (channel, recipient, repeats, opened_us);
CREATE INDEX IF NOT EXISTS notify_delivery_ended ON notify_delivery (state, ended_us) WHERE ended_us IS NOT NULL;

-- Channels whose other side said that it is gone. The row counts as long as the channel leads to the same target.
CREATE TABLE IF NOT EXISTS notify_channel (
  name TEXT NOT NULL PRIMARY KEY,
  target TEXT NOT NULL,
  disabled_us BIGINT NOT NULL,
  reason TEXT NOT NULL
);
