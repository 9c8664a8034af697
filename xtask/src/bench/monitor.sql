-- Ten million results: subjects with reports of all testcases of a scope, spread over 18 months.
-- The table bench_testcase has the ids of the testcases; :reports says how many reports there are,
-- :subjects how many subjects they are about.
INSERT INTO conformance_upload (id, account, received_us, media, evidence)
VALUES ('bench', 'bench', (extract(epoch FROM now()) * 1e6)::bigint, 'json', '{}');

INSERT INTO conformance_report
  (id, upload, subject, scope, checked_us, received_us, results, approvals)
SELECT md5(n::text)::uuid::text, 'bench', 'subject-' || (n % :subjects), :'scope',
  (extract(epoch FROM now()) * 1e6)::bigint - (:reports - n) * (540 * 86400 * 1000000::bigint / :reports),
  (extract(epoch FROM now()) * 1e6)::bigint, passed, '{}'
FROM generate_series(1, :reports) AS n,
  (SELECT json_object_agg(id, 1)::text AS passed FROM bench_testcase) AS all_passed;

-- What the last upload of each subject left; about every twentieth result is a failure.
INSERT INTO conformance_latest (subject, scope, document, told)
SELECT 'subject-' || s, :'scope', json_build_object(
    'newest', (SELECT json_object_agg(id, json_build_array(
        CASE WHEN hashtext(id || s) % 20 = 0 THEN -1 ELSE 1 END,
        (extract(epoch FROM now()) * 1e6)::bigint, md5((s + :subjects)::text)::uuid::text, true))
      FROM bench_testcase),
    'approved', '{}'::json)::text, ''
FROM generate_series(0, :subjects - 1) AS s;

UPDATE conformance_head SET revision = revision + 1;
DROP TABLE bench_testcase;
ANALYZE;
-- Uploads are measured with what a commit costs where data has to survive.
ALTER SYSTEM SET fsync = on;
SELECT pg_reload_conf();
