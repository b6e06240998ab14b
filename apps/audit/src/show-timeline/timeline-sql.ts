/** What was decided about an application in any context, oldest first. Parameters: application, activity's topic, limit. */
export const EVENTS = `
  SELECT id, time, type, actor, reason, client_id, detail
    FROM projection.audit_records
   WHERE application_id = $1 AND log_topic <> $2
   ORDER BY time, log_topic, log_offset LIMIT $3`;

/** How many tokens were issued, from when to when. Parameter: application. */
export const TOKEN_COUNTS = `
  SELECT count(*)::integer AS count, min(time) AS first, max(time) AS last
    FROM projection.audit_records
   WHERE application_id = $1 AND type = 'token-issued'`;

/** The newest tokens. Parameters: application, limit. */
export const TOKENS = `
  SELECT id, time, token_id, scope, approval_version, detail->>'grantType' AS grant_type, detail->>'expiresAt' AS expires_at
    FROM projection.audit_records
   WHERE application_id = $1 AND type = 'token-issued'
   ORDER BY time DESC, id DESC LIMIT $2`;

/** Calls by what was asked of which type. Parameter: application. */
export const ACCESS_COUNTS = `
  SELECT interaction, split_part(resource, '/', 1) AS resource_type, max(time) AS last,
         (count(*) FILTER (WHERE type = 'access-allowed'))::integer AS allowed,
         (count(*) FILTER (WHERE type = 'access-denied'))::integer AS denied
    FROM projection.audit_records
   WHERE application_id = $1 AND type IN ('access-allowed', 'access-denied')
   GROUP BY 1, 2 ORDER BY 1 NULLS LAST, 2 NULLS LAST`;

/** The newest calls, each with what left in the end. Parameters: application, limit. */
export const ACCESSES = `
  SELECT d.id, d.time, d.outcome, d.interaction, d.resource, d.scope, d.approval_version, d.token_id, d.user_id, d.patient,
         d.purposes, d.reason, d.observed, coalesce(c.status, d.status) AS status, c.outcome AS ending, c.patients
    FROM (SELECT * FROM projection.audit_records
           WHERE application_id = $1 AND type IN ('access-allowed', 'access-denied')
           ORDER BY time DESC, id DESC LIMIT $2) d
    LEFT JOIN LATERAL (SELECT status, outcome, patients FROM projection.audit_records
                        WHERE call_id = d.call_id AND type = 'access-completed' LIMIT 1) c ON true
   ORDER BY d.time DESC, d.id DESC`;
