import { BaseConfig, sandboxPaths, type LoadedConfig } from '#host';

/** The one line that says that everything is ready: the addresses, and in development the sign-ins. */
export function announcement({ config }: { readonly config: Pick<LoadedConfig, 'get'> }): string {
  const { development, identityIssuer, publicUrl } = config.get(BaseConfig);
  const addresses = `Gatehouse is ready at ${publicUrl} (API documents ${publicUrl}/docs, FHIR ${publicUrl}/fhir, tokens ${publicUrl}/oauth/token`;
  return development
    ? `${addresses}). Sign in as dev@, reviewer@, second-reviewer@, auditor@ or operator@example.org, password gatehouse, or: npx gatehouse token --as operator@example.org. Launch applications as an EHR does at ${publicUrl}${sandboxPaths.ehr}`
    : `${addresses}); sign-in at ${identityIssuer}`;
}
