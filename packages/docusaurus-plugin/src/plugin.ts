/**
 * The Docusaurus plugin: writes the lessons' pages before a docs instance reads them, writes them again when a notebook
 * changes, tells every page which lessons there are, and serves the notebooks themselves for download.
 */
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { copyFile, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { LoadContext, Plugin, PluginConfig } from "@docusaurus/types";
import { type PrismTheme, themes } from "prism-react-renderer";
import { tokenStyles } from "./highlight.js";
import { downloadPath, type LessonData, type LessonSource, readLessons, writePages } from "./lessons.js";
import type { CellModules } from "./live/bundle.js";
import type { LiveParts } from "./live/runner.js";
import { offlineSite } from "./offline/site.js";
import { writePolicies } from "./policy.js";
import { remarkNotebook } from "./remark.js";
import { remarkHighlight } from "./remark-highlight.js";

/** Where the notebooks are and where their pages go. */
export interface NotebookLessonsOptions {
  /** The site's folder, absolute; the other paths are relative to it. */
  readonly siteDir: string;
  /** The folder of the notebooks, e.g. `../notebooks`. */
  readonly notebooks: string;
  /** The folder with records of what Linux gave for the lessons' cells, e.g. `../test/recordings/lessons`. */
  readonly records?: string;
  /** A folder for the generated pages; whatever else is in it is deleted. Keep it out of version control. */
  readonly pages: string;
  /** The first part of the lessons' addresses, e.g. `lessons`. */
  readonly routeBasePath: string;
  /** The title of the page that lists the lessons. */
  readonly title: string;
  /** A sentence under that title. */
  readonly description: string;
  /** What cells may import where they run in the page, besides `tslab`; resolved from the site's folder. */
  readonly cells: CellModules;
  /** Folders of the built site whose pages a reader has offline only after a visit; of the others, from the start. */
  readonly keptWhenVisited?: readonly string[];
}

/** What a site's configuration says of code's colours; Docusaurus's own theme is the default. */
interface SiteThemes {
  readonly prism?: { readonly theme?: PrismTheme; readonly darkTheme?: PrismTheme };
}

const require = createRequire(import.meta.url);

/** The plugin's name, and the id of the docs instance that shows its pages. */
export const pluginName = "netfilter-lab-lessons";

/** Where the site serves what runs cells, from its base address. */
const partsFolder = "assets/live";

/** The plugin and the docs instance that shows its pages; spread into `plugins` of the site's configuration. */
export function notebookLessons(options: NotebookLessonsOptions): PluginConfig[] {
  // Docusaurus constructs plugins at the same time, and the docs instance asks whether its folder is there.
  mkdirSync(resolve(options.siteDir, options.pages), { recursive: true });
  return [
    (context: LoadContext) => lessonsPlugin(context, options) as Promise<Plugin>,
    [
      "@docusaurus/plugin-content-docs",
      {
        id: "lessons",
        path: options.pages,
        routeBasePath: options.routeBasePath,
        numberPrefixParser: false,
        breadcrumbs: false,
        beforeDefaultRemarkPlugins: [remarkNotebook, remarkHighlight],
      },
    ],
  ];
}

/** The plugin alone. Its constructor has written the pages when it returns. */
export async function lessonsPlugin(
  context: LoadContext,
  options: NotebookLessonsOptions,
): Promise<Plugin<LessonSource[]>> {
  const folders = {
    notebooks: resolve(options.siteDir, options.notebooks),
    pages: resolve(options.siteDir, options.pages),
    records: options.records === undefined ? null : resolve(options.siteDir, options.records),
  };
  const load = async (): Promise<LessonSource[]> => {
    const lessons = await readLessons(folders.notebooks, folders.records);
    await writePages(lessons, folders, { title: options.title, description: options.description });
    return lessons;
  };
  await load();
  const bundled = join(context.generatedFilesDir, pluginName, "bundled");
  await mkdir(bundled, { recursive: true });
  const files = await bundle(bundled, options.siteDir, options.cells);
  const parts = join(bundled, "live");
  const tokens = join(bundled, "tokens.css");
  const { theme, darkTheme } = (context.siteConfig.themeConfig as SiteThemes).prism ?? {};
  await writeFile(tokens, tokenStyles(theme ?? themes.palenight, darkTheme));
  const partPath = (file: string): string => `${context.baseUrl}${partsFolder}/${file}`;
  const inPackage = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  return {
    name: pluginName,
    loadContent: load,
    contentLoaded({ content, actions }) {
      const data: LessonData = {
        lessons: content.map(({ lesson, file }) => ({
          ...(lesson.order === undefined ? {} : { order: lesson.order }),
          title: lesson.title,
          // A colon leads over to what a list does not show.
          description: lesson.description.replace(/:$/, "."),
          permalink: `${context.baseUrl}${options.routeBasePath}/${lesson.slug}`,
          download: `${context.baseUrl}${downloadPath(file)}`,
        })),
        live: {
          worker: partPath(files.worker),
          program: files.program.map((part) => ({ ...part, address: partPath(part.address) })),
          compiler: partPath(files.compiler),
          sandbox: partPath(files.sandbox),
          types: partPath(files.types),
        },
      };
      actions.setGlobalData(data);
    },
    getPathsToWatch: () => [
      join(folders.notebooks, "*.ipynb"),
      ...(folders.records === null ? [] : [join(folders.records, "*.json")]),
    ],
    getThemePath: () => inPackage("./theme"),
    getClientModules: () => [inPackage("../styles/notebook.css"), tokens, inPackage("./offline/register.js")],
    configureWebpack() {
      // Docusaurus's highlighter comes with every page; here it comes when a reader has changed code.
      const highlighter = require.resolve("@docusaurus/theme-classic/lib/prism-include-languages.js");
      const alias = { [highlighter.replace(/\.js$/, "")]: false as const };
      // The development server offers the notebooks and what runs cells where the built site has copies of them.
      // `devServer` is read by `docusaurus start`, though the type of a plugin's configuration does not know it.
      const served = [
        { directory: folders.notebooks, publicPath: `${context.baseUrl}notebooks/` },
        { directory: parts, publicPath: `${context.baseUrl}${partsFolder}/` },
      ];
      return { resolve: { alias }, devServer: { static: served } } as ReturnType<
        NonNullable<Plugin["configureWebpack"]>
      >;
    },
    async postBuild({ outDir, content }) {
      await mkdir(join(outDir, "notebooks"), { recursive: true });
      for (const { file } of content) {
        await copyFile(join(folders.notebooks, file), join(outDir, "notebooks", file));
      }
      await cp(parts, join(outDir, partsFolder), { recursive: true });
      await writePolicies(outDir, [join(outDir, partsFolder)]);
      const { worker, program, compiler, sandbox } = files;
      const needed = [worker, ...program.map(({ address }) => address), compiler, sandbox];
      const offline = await offlineSite(outDir, {
        without: options.keptWhenVisited ?? [],
        parts: needed.map((file) => `${partsFolder}/${file}`),
        start: `${options.routeBasePath}/`,
      });
      const code = await readFile(join(bundled, "sw.js"), "utf8");
      await writeFile(join(outDir, "sw.js"), `var offlineSite = ${JSON.stringify(offline)};\n${code}`);
    },
  };
}

/** Bundles what runs cells, and the service worker, into a folder; gives the names of the former. */
async function bundle(folder: string, siteDir: string, cells: CellModules): Promise<LiveParts> {
  const program = fileURLToPath(new URL("./live/bundle-main.js", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, folder, siteDir, JSON.stringify(cells)]);
  return JSON.parse(stdout) as LiveParts;
}
