-- The words of "Subscribers": who asked to be told, and whether the other end has said yes.
-- Every statement can be executed a second time without effect.

CREATE TABLE IF NOT EXISTS status_subscription_subscriber (
  id TEXT NOT NULL PRIMARY KEY,
  -- mail, webhook or channel, and where it leads: there is one subscription for each.
  way TEXT NOT NULL,
  target TEXT NOT NULL,
  -- What they want to hear of, as JSON.
  settings TEXT NOT NULL,
  -- pending or active.
  state TEXT NOT NULL,
  -- What the links in their messages carry.
  secret TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  asked_us BIGINT NOT NULL,
  UNIQUE (way, target)
);
CREATE INDEX IF NOT EXISTS status_subscription_state ON status_subscription_subscriber (state, asked_us);
