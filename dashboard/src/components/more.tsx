import { useSeen } from '@/lib/use-seen';

interface Props {
  shown: number;
  total: number;
  loading: boolean;
  onMore: () => void;
}

/** The end of what is loaded: fetches the next page when it comes near, or when it is pressed. */
export function More({ shown, total, loading, onMore }: Props) {
  const ref = useSeen<HTMLButtonElement>(() => !loading && onMore());
  return (
    <button ref={ref} type="button" className="button more" disabled={loading} onClick={onMore}>
      {loading ? 'Loading…' : `Show more (${shown} of ${total})`}
    </button>
  );
}
