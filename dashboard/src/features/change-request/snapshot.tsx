import type { Detail } from '@/features/change-request/api/get-change-request';
import { facts, shown } from '@/lib/json';
import { words } from '@/lib/format';

/** The settings that this change request runs on; later changes of settings do not reach it. */
export function Snapshot({ of }: { of: Detail }) {
  return (
    <>
      <p className="quiet">Frozen when it was submitted. Later changes of settings touch new change requests only.</p>
      {Object.entries(of.settings_snapshot).map(([section, values]) => (
        <section key={section}>
          <h3>{words(section)}</h3>
          <dl className="facts facts-wide">
            {Object.entries(facts(values)).map(([name, value]) => (
              <div key={name}>
                <dt>{words(name)}</dt>
                <dd>
                  <code>{shown(value)}</code>
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </>
  );
}
