/**
 * A broker as it stands in production, on the loopback address: clients come over TLS and sign in by SCRAM-SHA-512, and
 * Kafka's own authorizer (ACLs) refuses what is not allowed to them.
 *
 * @typedef {object} Security
 * @property {string} cert the broker's certificate for 127.0.0.1 with its chain, in PEM
 * @property {string} key its private key, in PEM
 * @property {Record<string, string>} users names of SCRAM users, and their passwords; they are made with the data
 * @property {string[]} superUsers those of them that may do everything
 */

/** Listeners inside the cluster, on the loopback address and in the open: only its own nodes come there. */
const INSIDE = 'User:ANONYMOUS';

/**
 * The listener for clients and what belongs to it; without `security` a plain one.
 *
 * @param {Security | undefined} security
 * @param {{ client: number, controller: number, internal: number }} ports
 * @returns {Record<string, string>} properties of a node
 */
export function listenerSettings(security, { client, controller, internal }) {
  if (!security) {
    return { listeners: `PLAINTEXT://127.0.0.1:${String(client)},CONTROLLER://127.0.0.1:${String(controller)}` };
  }
  const inOneLine = (/** @type {string} */ pem) => pem.trim().replaceAll('\n', '\\n'); // of a properties file
  return {
    listeners: `SASL_SSL://127.0.0.1:${String(client)},INTERNAL://127.0.0.1:${String(internal)},CONTROLLER://127.0.0.1:${String(controller)}`,
    'listener.security.protocol.map': 'SASL_SSL:SASL_SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'INTERNAL',
    'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
    'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config':
      'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.certificate.chain': inOneLine(security.cert),
    'ssl.keystore.key': inOneLine(security.key),
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'allow.everyone.if.no.acl.found': 'false',
    'super.users': [INSIDE, ...security.superUsers.map((name) => `User:${name}`)].join(';'),
  };
}

/**
 * What the format tool needs to know of the users.
 *
 * @param {Security | undefined} security
 * @returns {string[]}
 */
export function scramArguments(security) {
  return Object.entries(security?.users ?? {}).flatMap(([name, password]) => [
    '--add-scram',
    `SCRAM-SHA-512=[name=${name},password=${password}]`,
  ]);
}
