/**
 * Whether there is a file or a folder.
 */
import { access } from 'node:fs/promises';

/** `false` too where it cannot be reached. Never throws. */
export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
