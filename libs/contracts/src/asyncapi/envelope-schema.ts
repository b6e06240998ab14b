/** Extension attributes (CloudEvents 1.0 §3.1) that some kinds of records carry. */
const EXTENSIONS = {
  sequence: {
    type: 'string',
    pattern: '^\\d+$',
    description:
      "The aggregate's version after this event; of an activity record, its number in its run and partition, from 0.",
  },
  run: {
    type: 'string',
    description: 'A run of the process that appended the record; a gap of numbers inside it is a loss.',
  },
  commandoffset: {
    type: 'string',
    pattern: '^\\d{1,19}$',
    description: "Where in the commands topic's same partition the command stands that was decided.",
  },
  deadline: { type: 'string', format: 'date-time', description: 'After it the command is not decided.' },
  bodydigest: { type: 'string', description: "SHA-256 of the request's body, hexadecimal." },
  expectedversion: { type: 'string', pattern: '^\\d+$', description: 'The version that the caller saw (`If-Match`).' },
  mac: {
    type: 'string',
    pattern: '^[\\w-]{1,32}\\.[\\w-]{43}$',
    description: 'Name of a key, and HMAC-SHA-256 under it of the record up to this attribute, which is its last.',
  },
  signature: {
    type: 'string',
    pattern: '^[\\w-]{43}\\.[\\w-]{86}$',
    description:
      "The point's public key, whose fingerprint is in its id, and the Ed25519 signature of the record up to this attribute, which is its last.",
  },
} as const;

export type Extension = keyof typeof EXTENSIONS;

/** The attributes that every record has. */
const ATTRIBUTES = {
  specversion: { type: 'string', const: '1.0' },
  id: { type: 'string', minLength: 1 },
  source: { type: 'string', description: '`/gatehouse/<context>`' },
  type: { type: 'string', description: '`gatehouse.<context>.<name>.v<version>`' },
  subject: { type: 'string', description: 'The id of the aggregate, for example of an application.' },
  time: { type: 'string', format: 'date-time', description: 'RFC 3339, UTC.' },
  datacontenttype: { type: 'string', const: 'application/json' },
  correlationid: { type: 'string', description: 'Of the request that began it all.' },
  causationid: { type: 'string', description: 'The command or event that caused this one.' },
  actor: { type: 'string', description: 'A random id that the vault maps, or `system:<reactor>`.' },
} as const;

/**
 * The JSON Schema of a whole record: the CloudEvents envelope in structured mode around `data`.
 *
 * @param type as the `type` attribute says it
 */
export function recordSchema(
  type: string,
  data: object,
  extensions: { readonly required: readonly Extension[]; readonly optional: readonly Extension[] },
): object {
  const own = [...extensions.required, ...extensions.optional];
  return {
    type: 'object',
    required: [...Object.keys(ATTRIBUTES), ...extensions.required, 'data'],
    properties: {
      ...ATTRIBUTES,
      type: { ...ATTRIBUTES.type, const: type },
      ...Object.fromEntries(own.map((name) => [name, EXTENSIONS[name]])),
      data,
    },
  };
}
