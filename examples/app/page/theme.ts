export const THEMES = ['light', 'dark', 'system'] as const;
export type Theme = (typeof THEMES)[number];

const KEY = 'hyperpage-theme';

export function showTheme(theme: Theme): void {
  document.documentElement.dataset['theme'] = theme;
}

/** The theme this browser showed last: the session holds the true one, and it takes a moment to arrive. */
export function rememberedTheme(): Theme {
  try {
    const theme = localStorage.getItem(KEY);
    return THEMES.find((known) => known === theme) ?? 'system';
  } catch {
    return 'system'; // Storage is closed to this page.
  }
}

export function rememberTheme(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Then the next visit begins with the system's.
  }
}
