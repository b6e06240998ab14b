const text = { type: 'string' };
const time = { type: 'string', format: 'date-time' };
const count = { type: 'integer' };
const scopes = { type: 'array', items: text };
const limits = {
  type: 'object',
  description: 'How much the application may call at each enforcement point; absent when nothing was set.',
  properties: { callsPerMinute: count, callsPerDay: count, concurrentCalls: count },
};

/** A review in the OpenAPI document. */
export const reviewSchema = {
  type: 'object',
  required: [
    'id',
    'applicationId',
    'version',
    'submission',
    'status',
    'stage',
    'requestedScopes',
    'openedAt',
    'requestedAt',
    'dueAt',
  ],
  properties: {
    id: text,
    applicationId: text,
    version: { ...count, description: 'The version that `ETag` carries.' },
    submission: { ...count, description: 'Which submission of the application is reviewed, from 1.' },
    status: { type: 'string', enum: ['pending', 'approved', 'rejected', 'changes-requested', 'withdrawn'] },
    stage: { type: 'string', enum: ['first-review', 'further-review', 'closed'] },
    name: text,
    kind: text,
    ownerId: text,
    submitter: { type: 'object', properties: { id: text, name: text } },
    comment: text,
    requestedScopes: scopes,
    exposes: {
      type: 'array',
      description: 'What each requested scope lets the application do, in plain words.',
      items: { type: 'object', properties: { scope: text, means: text } },
    },
    risk: {
      type: 'object',
      properties: { level: { type: 'string', enum: ['ordinary', 'elevated', 'high'] }, because: scopes },
    },
    application: { type: 'object', description: 'What the developer declared for this submission.' },
    policyVersion: count,
    approvalsNeeded: { ...count, description: 'How many different reviewers must approve.' },
    maximumApprovalDays: count,
    openedAt: time,
    requestedAt: {
      ...time,
      description: 'When the request was first made; the clock runs from then, through changes and new submissions.',
    },
    dueAt: time,
    breachedAt: { ...time, description: 'When it was noted that the request was not decided in time.' },
    endorsements: {
      type: 'array',
      items: {
        type: 'object',
        properties: { reviewerId: text, scopes, expiresAt: time, conditions: scopes, endpoints: scopes, limits },
      },
    },
    verdict: {
      type: 'object',
      properties: {
        decision: { type: 'string', enum: ['approve', 'reject', 'request-changes'] },
        reviewerIds: scopes,
        reason: text,
        decidedAt: time,
      },
    },
    approval: {
      type: 'object',
      description: 'What is approved for the application, when this review last changed.',
      properties: {
        version: count,
        submission: count,
        scopes,
        expiresAt: time,
        conditions: scopes,
        endpoints: scopes,
        limits,
        expired: { type: 'boolean' },
      },
    },
    history: {
      type: 'array',
      description: 'Every event of the application before its reviewers; in the answer for one review only.',
      items: {
        type: 'object',
        properties: { version: count, time, type: text, actor: text, data: { type: 'object' } },
      },
    },
  },
};
