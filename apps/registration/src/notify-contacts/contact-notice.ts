import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BaseConfig } from '#host';
import { createTransport } from 'nodemailer';
import type { NoticeConfig } from './notice.config.js';

/** One message to one contact. */
export interface ContactMessage {
  /** The same for every try, so that a mail server or reader may drop a repeat (RFC 5322 §3.6.4). */
  readonly messageId: string;
  readonly to: string;
  readonly subject: string;
  /** Plain text. */
  readonly text: string;
}

/** Writes to contacts. Rejects where the message was not taken over; it is then tried again. */
export interface ContactNotice {
  send(message: ContactMessage): Promise<void>;
  close(): void;
}

/** By mail, as configured; in development without a mail server, to a file. */
export function contactNotice(config: NoticeConfig, base: BaseConfig): ContactNotice {
  if (config.smtpUrl !== undefined) return mail(config.smtpUrl, config.noticeFrom, base.development);
  if (base.development) return linesOf(join(base.dataDir, 'notices.jsonl'));
  return { send: () => Promise.reject(new Error('SMTP_URL is not set')), close: () => undefined };
}

const CONNECT_WITHIN_MS = 10_000;
const SILENT_FOR_MS = 20_000;

function mail(smtpUrl: string, from: string, development: boolean): ContactNotice {
  const { protocol, hostname, port, username, password } = new URL(smtpUrl);
  const secure = protocol === 'smtps:';
  const transport = createTransport({
    host: hostname.replace(/^\[|\]$/g, ''),
    ...(port === '' ? {} : { port: Number(port) }),
    secure,
    requireTLS: !development && !secure,
    ...(username === '' ? {} : { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
    connectionTimeout: CONNECT_WITHIN_MS,
    greetingTimeout: CONNECT_WITHIN_MS,
    socketTimeout: SILENT_FOR_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send({ messageId, to, subject, text }) {
      // An address as an object is taken as it stands, and never read as a list of several.
      await transport.sendMail({ messageId, from, to: { name: '', address: to }, subject, text });
    },
    close: () => transport.close(),
  };
}

/** One line of JSON for each message, readable by its owner alone: it holds addresses and codes. */
function linesOf(path: string): ContactNotice {
  return {
    async send(message) {
      await mkdir(join(path, '..'), { recursive: true });
      await appendFile(path, `${JSON.stringify(message)}\n`, { mode: 0o600 });
    },
    close: () => undefined,
  };
}
