-- The reports of a subject, newest first, whatever their scope.
CREATE INDEX IF NOT EXISTS conformance_report_subject ON conformance_report (subject, checked_us);
