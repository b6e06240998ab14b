/**
 * A serialised answer in which every URL of the FHIR server, wherever it stands in a text, is one of ours. Other URLs
 * that begin alike stay.
 *
 * @param upstream base URL of the FHIR server, without a slash at its end
 * @param base     our FHIR base, without a slash at its end
 */
export function withOurUrls(json: string, upstream: string, base: string): string {
  if (!json.includes(upstream)) return json;
  let pattern = patterns.get(upstream);
  if (!pattern) {
    pattern = new RegExp(`${upstream.replaceAll(/[^A-Za-z0-9_]/g, '\\$&')}(?=[/?#"'\\\\\\s<>])`, 'g');
    patterns.set(upstream, pattern);
  }
  return json.replace(pattern, () => base);
}

/** One per FHIR server. */
const patterns = new Map<string, RegExp>();
