-- The revision is the lock under which all instances write, and says whether what an instance has in
-- memory is still true.
CREATE TABLE IF NOT EXISTS conformance_head (
  id BIGINT PRIMARY KEY,
  revision BIGINT NOT NULL
);
INSERT INTO conformance_head (id, revision) VALUES (1, 0) ON CONFLICT (id) DO NOTHING;

-- Subjects that people made themselves; those of the configuration are not here.
CREATE TABLE IF NOT EXISTS conformance_account (
  name TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  document TEXT NOT NULL,
  created_us BIGINT NOT NULL
);

-- What was sent, byte for byte: signature, ampersand, report or reports.
CREATE TABLE IF NOT EXISTS conformance_upload (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  received_us BIGINT NOT NULL,
  media TEXT NOT NULL,
  evidence TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS conformance_upload_received ON conformance_upload (received_us);

-- The reports of uploads, with their results as JSON: {"testcase": 1}. The history.
CREATE TABLE IF NOT EXISTS conformance_report (
  id TEXT PRIMARY KEY,
  upload TEXT NOT NULL,
  subject TEXT NOT NULL,
  scope TEXT NOT NULL,
  checked_us BIGINT NOT NULL,
  received_us BIGINT NOT NULL,
  results TEXT NOT NULL,
  approvals TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS conformance_report_history
  ON conformance_report (subject, scope, checked_us);
CREATE INDEX IF NOT EXISTS conformance_report_checked ON conformance_report (checked_us);

-- The newest result of each testcase, brought up to date by each upload; and the verdict that others
-- were told last.
CREATE TABLE IF NOT EXISTS conformance_latest (
  subject TEXT NOT NULL,
  scope TEXT NOT NULL,
  document TEXT NOT NULL,
  told TEXT NOT NULL,
  PRIMARY KEY (subject, scope)
);
