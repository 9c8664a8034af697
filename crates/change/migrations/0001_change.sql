-- The words of section "Changes": differences that were found, and what became of them.
-- Every statement can be executed a second time without effect.

CREATE TABLE IF NOT EXISTS change_entry (
  id TEXT NOT NULL PRIMARY KEY,
  capability TEXT NOT NULL,
  cloud TEXT NOT NULL,
  task TEXT NOT NULL,
  state TEXT NOT NULL,
  policy TEXT NOT NULL,
  consent TEXT,
  document TEXT NOT NULL,
  -- How many steps of which action the document has, for lists.
  counts TEXT NOT NULL,
  digest TEXT NOT NULL,
  approvals_needed BIGINT NOT NULL,
  proposed_us BIGINT NOT NULL,
  proposed_by TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  ended_us BIGINT,
  ended_by TEXT,
  outcome TEXT,
  request_ids TEXT NOT NULL,
  report TEXT
);
-- At most one change of a capability on a cloud can still come about.
CREATE UNIQUE INDEX IF NOT EXISTS change_entry_live ON change_entry (capability, cloud)
  WHERE state IN ('proposed', 'approved', 'applying', 'failed');
CREATE INDEX IF NOT EXISTS change_entry_newest ON change_entry (proposed_us, id);
CREATE INDEX IF NOT EXISTS change_entry_of ON change_entry (capability, cloud, proposed_us);

CREATE TABLE IF NOT EXISTS change_approval (
  change_id TEXT NOT NULL,
  person TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (change_id, person)
);
