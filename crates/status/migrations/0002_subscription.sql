-- Whose mail server refuses for good, and how often it has since it last took something.
-- Every statement can be executed a second time without effect.

CREATE TABLE IF NOT EXISTS status_subscription_refusal (
  subscriber TEXT NOT NULL PRIMARY KEY,
  times BIGINT NOT NULL,
  since_us BIGINT NOT NULL,
  -- What the server said last.
  said TEXT NOT NULL
);
