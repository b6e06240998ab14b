import { createHash } from 'node:crypto';

/** How applications may look to match the pages of this service (SMART App Launch 2.2, 2.0.9, Styling). */
export const smartStyle = JSON.stringify({
  color_background: '#f3f5f7',
  color_error: '#a3131b',
  color_highlight: '#0b5394',
  color_modal_backdrop: '#16202a',
  color_success: '#17603a',
  color_text: '#16202a',
  dim_border_radius: '6px',
  dim_font_size: '17px',
  dim_spacing_size: '16px',
  font_family_body: "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
  font_family_heading: "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
});

/** The name that the content has: another one when it changes, as SMART has it. */
export const smartStyleName = `${createHash('sha256').update(smartStyle).digest('hex').slice(0, 16)}.json`;

/** `smart_style_url`: the one that is configured, or this service's own. */
export function smartStyleUrl(
  { styleUrl }: { readonly styleUrl?: string },
  { publicUrl }: { readonly publicUrl: string },
): string {
  return styleUrl ?? `${publicUrl}/.well-known/smart-style/${smartStyleName}`;
}
