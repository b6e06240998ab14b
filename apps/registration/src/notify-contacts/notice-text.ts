import type { CredentialNotice } from '../domain/credential-notice.js';

const subjects: Readonly<Record<CredentialNotice['about'], string>> = {
  'key-added': 'A new key counts for your application',
  'secret-added': 'A new secret counts for your application',
  'key-waiting': 'A new key for your application waits to be confirmed',
  'secret-waiting': 'A new secret for your application waits to be confirmed',
  'contacts-changed': 'The contacts of your application were changed',
};

/**
 * What a contact reads. Nothing in it was written by whoever asked for the change but the application's name, whose
 * characters are checked: a message of ours must not carry a stranger's words.
 */
export function textOf(
  notice: CredentialNotice,
  application: { readonly name: string },
  code: string | undefined,
): { readonly subject: string; readonly text: string } {
  const { about, applicationId, credential, credentialId, confirmBy, time } = notice;
  const what = about.startsWith('key') ? 'key with the thumbprint' : 'secret with the id';
  const waits = about.endsWith('waiting');
  const lines = [
    `Application: ${application.name} (${applicationId})`,
    `When: ${time}`,
    ...(credential === undefined ? [] : [`The ${what}: ${credential}`]),
    '',
    ...(waits ? [`It is worth nothing until it is confirmed, by ${confirmBy ?? 'then'}.`] : []),
    ...(code === undefined || credentialId === undefined
      ? []
      : [
          `If this was expected, the owner of the application confirms it with this code: ${code}`,
          `POST /registration/applications/${applicationId}/credentials/${credentialId}/confirmation`,
        ]),
    `If you did not expect this, ${waits ? 'give the code to nobody' : 'have it removed'} and tell the operators at once.`,
  ];
  return { subject: subjects[about], text: `${lines.join('\n')}\n` };
}
