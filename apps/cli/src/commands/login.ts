import { type Command, Option } from 'commander';
import { keepLogin, loginsFile } from '../login/kept-logins.js';
import { optionsOf } from './context.js';

interface LoginOptions {
  readonly issuer?: string;
  readonly clientId: string;
  readonly audience?: string;
  readonly device?: boolean;
}

/** `gatehouse login`, `gatehouse logout`: a sign-in at `IDENTITY_ISSUER`, kept for the commands that follow. */
export function addLogin(program: Command): void {
  program
    .command('login')
    .description('sign in at the OpenID provider, by a browser or on another device; what follows acts as you')
    .addOption(
      new Option('--issuer <url>', 'the OpenID provider; else that of the development sandbox').env('IDENTITY_ISSUER'),
    )
    .addOption(
      new Option('--client-id <id>', 'the public client of the provider that this is')
        .env('GATEHOUSE_CLIENT_ID')
        .default('gatehouse-cli'),
    )
    .addOption(new Option('--audience <name>', 'what tokens are for, where it must be told').env('IDENTITY_AUDIENCE'))
    .option('--device', 'sign in on another device, with a code')
    .action(async (_: object, command: Command) => {
      const { issuer, clientId, audience, device, url } = optionsOf<LoginOptions>(command);
      // openid-client is loaded by those who sign in.
      const { signInByBrowser, signInByDevice } = await import('../login/sign-in.js');
      const at = url.replace(/\/+$/, '');
      const provider = { issuer: issuer ?? `${at}/sandbox/directory`, clientId, resource: audience };
      const signIn = device === true ? signInByDevice : signInByBrowser;
      await keepLogin(at, await signIn(provider, (text) => console.error(text)));
      console.error(`Signed in. The token is in ${loginsFile()}, for you alone; \`gatehouse logout\` forgets it.`);
    });

  program
    .command('logout')
    .description('forget the sign-in at this Gatehouse')
    .action(async (_: object, command: Command) => {
      await keepLogin(optionsOf(command).url.replace(/\/+$/, ''), undefined);
    });
}
