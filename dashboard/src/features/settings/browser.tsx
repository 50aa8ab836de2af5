import { prefer, usePreferences, type Preferences } from '@/lib/preferences';

const THEMES: readonly Preferences['theme'][] = ['system', 'light', 'dark'];

/** What one person likes in this browser. */
export function Browser() {
  const { theme, singleKeys } = usePreferences();
  return (
    <>
      <h2>This browser</h2>
      <fieldset className="setting-group">
        <legend>Colours</legend>
        {THEMES.map((one) => (
          <label key={one} className="check">
            <input type="radio" name="theme" checked={theme === one} onChange={() => prefer({ theme: one })} />
            {one === 'system' ? 'as the system' : one}
          </label>
        ))}
      </fieldset>
      <label className="check">
        <input type="checkbox" checked={singleKeys} onChange={(event) => prefer({ singleKeys: event.target.checked })} />
        Single keys do something; press ? to see which
      </label>
      <p className="quiet">Times are shown in {Intl.DateTimeFormat().resolvedOptions().timeZone}, the zone of this browser.</p>
    </>
  );
}
