import { Ago } from '@/components/ago';
import { Loaded } from '@/components/loaded';
import { Problem } from '@/components/states';
import { useRevert, useVersions, type Version } from '@/features/settings/api/settings';
import { shown } from '@/lib/json';
import { useMay } from '@/lib/me';
import { words } from '@/lib/format';

/** Every version with what it changed, the newest first; an older one can be made the present one again. */
export function Versions({ section }: { section: string }) {
  return (
    <Loaded query={useVersions(section)} what="the history">
      {(versions) => (
        <ol className="versions">
          {versions.map((version, index) => (
            <One key={version.version} section={section} version={version} before={versions[index + 1]} newest={index === 0} />
          ))}
        </ol>
      )}
    </Loaded>
  );
}

interface OneProps {
  section: string;
  version: Version;
  before: Version | undefined;
  newest: boolean;
}

function One({ section, version, before, newest }: OneProps) {
  const revert = useRevert(section);
  const may = useMay('admin');
  const changes = changesOf(before?.value ?? version.value, version.value);
  return (
    <li className="version">
      <div className="pane-head">
        <strong>Version {version.version}</strong>
        <span className="quiet">
          {version.changed_by} {version.changed_at !== null && <Ago at={version.changed_at} />} {version.note !== '' && `“${version.note}”`}
        </span>
        {newest ? (
          <span className="quiet">holds now</span>
        ) : (
          may && (
            <button type="button" className="button button-quiet" disabled={revert.isPending} onClick={() => revert.mutate(version.version)}>
              Go back to version {version.version}
            </button>
          )
        )}
      </div>
      <ul className="changes">
        {changes.map(([name, from, to]) => (
          <li key={name}>
            {words(name)}: <del>{from}</del> → <ins>{to}</ins>
          </li>
        ))}
      </ul>
      {revert.error && <Problem error={revert.error} />}
    </li>
  );
}

function changesOf(before: Record<string, unknown>, after: Record<string, unknown>): [string, string, string][] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names
    .map((name): [string, string, string] => [name, shown(before[name]), shown(after[name])])
    .filter(([, from, to]) => from !== to);
}
