import { Link, useParams } from 'react-router';

import { Loaded } from '@/components/loaded';
import { useSection, useSections } from '@/features/settings/api/settings';
import { Browser } from '@/features/settings/browser';
import { SectionForm } from '@/features/settings/section-form';
import { Versions } from '@/features/settings/versions';
import { words } from '@/lib/format';
import { useTitle } from '@/lib/use-title';

const BROWSER = 'this-browser';

export function Settings() {
  const { section = 'pipeline' } = useParams();
  const sections = useSections();
  useTitle('Settings · Changeline');
  const names = [...(sections.data?.map((one) => one.section) ?? []), BROWSER];
  return (
    <main className="page">
      <h1 className="page-title">Settings</h1>
      <div className="settings">
        <nav className="settings-list" aria-label="Sections">
          {names.map((name) => (
            <Link key={name} to={`/settings/${name}`} aria-current={name === section ? 'page' : undefined}>
              {words(name.replaceAll('-', ' '))}
            </Link>
          ))}
        </nav>
        <div className="settings-open">{section === BROWSER ? <Browser /> : <Section key={section} name={section} />}</div>
      </div>
    </main>
  );
}

function Section({ name }: { name: string }) {
  return (
    <Loaded query={useSection(name)} what="the section">
      {(section) => (
        <>
          <h2>{words(section.section)}</h2>
          <p className="quiet">A change holds for change requests that are submitted from now on; running ones keep theirs.</p>
          <SectionForm key={section.version} section={section} />
          <h3>History</h3>
          <Versions section={name} />
        </>
      )}
    </Loaded>
  );
}
