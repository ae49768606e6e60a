import { existsSync } from 'node:fs';

/** The folder of the nearest package.json above `folder`: the same from the sources and from the build. */
function packageFolderAbove(folder: URL): URL {
  if (existsSync(new URL('package.json', folder))) return folder;
  const parent = new URL('..', folder);
  return parent.href === folder.href ? folder : packageFolderAbove(parent);
}

/** The folder that this program was installed in; its files stand there as they do in the repository. */
export const PACKAGE_FOLDER = packageFolderAbove(new URL('.', import.meta.url));
