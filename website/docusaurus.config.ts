/**
 * The site: lessons from the notebooks (plugin `@netfilter-lab/docusaurus-plugin`), a few pages of its own (`docs/`) and
 * the API reference from doc comments (typedoc). Everything is served from the site itself; a broken link fails the build.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type * as Preset from "@docusaurus/preset-classic";
import type { Config, PluginConfig } from "@docusaurus/types";
import { notebookLessons, remarkHighlight } from "@netfilter-lab/docusaurus-plugin";
import cellModules from "./cell-modules.json";
import { darkCode, lightCode } from "./src/prism";
import { questionPlugin } from "./src/question";
import { startupPlugin } from "./src/startup";

/** Where the site will be published; only the sitemap and canonical links depend on it. */
const url = process.env["SITE_URL"] ?? "http://localhost:3000";
const baseUrl = process.env["SITE_BASE"] ?? "/";

/** Another folder of notebooks and another for its pages, for the site's tests; such a site has no API pages. */
const fixtures = process.env["NOTEBOOKS"];
const lessonPages = process.env["LESSON_PAGES"] ?? "lessons";

/** The packages whose public API has pages, where they have one to document. */
const documented = ["engine", "lab", "notebook"].filter(
  (name) => fixtures === undefined && existsSync(join(__dirname, "..", "packages", name, "src", "index.ts")),
);

// Docusaurus constructs plugins at the same time; the docs instance asks for its folder before typedoc has made it.
mkdirSync(join(__dirname, "api"), { recursive: true });

const apiPlugins: PluginConfig[] =
  documented.length === 0
    ? []
    : [
        [
          "docusaurus-plugin-typedoc",
          {
            id: "api",
            name: "API reference",
            entryPoints: documented.map((name) => `../packages/${name}`),
            entryPointStrategy: "packages",
            packageOptions: {
              entryPoints: ["src/index.ts"],
              skipErrorChecking: true,
              excludePrivate: true,
              excludeInternal: true,
              disableSources: true,
              sort: ["source-order"],
              // The kernel's constants that say all by their name need no page each.
              excludeNotDocumented: true,
              excludeNotDocumentedKinds: ["Variable"],
            },
            out: "api",
            readme: "none",
            disableSources: true,
            includeVersion: false,
            // Not MDX: braces and angle brackets in comments mean themselves.
            fileExtension: ".md",
            indexFormat: "table",
            hideBreadcrumbs: true,
            hidePageHeader: true,
            parametersFormat: "table",
            propertiesFormat: "table",
            interfacePropertiesFormat: "table",
            enumMembersFormat: "table",
            typeDeclarationFormat: "table",
            useCodeBlocks: true,
            expandObjects: true,
            sidebar: { autoConfiguration: true, pretty: true },
            logLevel: "Warn",
            // What a public class is built of inside has no page; a link in a comment that leads nowhere is told.
            validation: { notExported: false, invalidLink: true, notDocumented: false },
          },
        ],
        [
          "@docusaurus/plugin-content-docs",
          {
            id: "api",
            path: "api",
            routeBasePath: "api",
            sidebarPath: "./sidebars-api.ts",
            breadcrumbs: false,
            beforeDefaultRemarkPlugins: [remarkHighlight],
          },
        ],
      ];

const config: Config = {
  title: "netfilter-lab",
  tagline: "Linux’s conntrack and NAT, step by step",
  favicon: "img/favicon.svg",
  url,
  baseUrl,
  trailingSlash: true,
  onBrokenLinks: "throw",
  onBrokenAnchors: "throw",
  onDuplicateRoutes: "throw",
  i18n: { defaultLocale: "en", locales: ["en"] },
  future: {
    v4: true,
    faster: {
      swcJsLoader: true,
      swcJsMinimizer: true,
      swcHtmlMinimizer: true,
      lightningCssMinimizer: true,
      mdxCrossCompilerCache: true,
      rspackBundler: true,
      ssgWorkerThreads: true,
      // One cache for two sites would give one the other's modules.
      rspackPersistentCache: fixtures === undefined,
    },
  },
  markdown: {
    format: "detect",
    mermaid: true,
    emoji: false,
    hooks: { onBrokenMarkdownLinks: "throw", onBrokenMarkdownImages: "throw" },
  },
  presets: [
    [
      "classic",
      {
        docs: {
          path: "docs",
          routeBasePath: "/",
          sidebarPath: "./sidebars.ts",
          breadcrumbs: false,
          beforeDefaultRemarkPlugins: [remarkHighlight],
        },
        blog: false,
        theme: { customCss: ["./src/css/fonts.css", "./src/css/site.css"] },
        sitemap: process.env["SITE_URL"] === undefined ? false : { lastmod: null },
      } satisfies Preset.Options,
    ],
  ],
  themes: [
    "@docusaurus/theme-mermaid",
    [
      "@easyops-cn/docusaurus-search-local",
      {
        hashed: true,
        indexBlog: false,
        docsRouteBasePath: ["lessons", "api", "/"],
        docsDir: [lessonPages, "api", "docs"],
        highlightSearchTermsOnTargetPage: false,
        explicitSearchResultPath: true,
        searchBarShortcutHint: false,
      },
    ],
  ],
  plugins: [
    questionPlugin,
    startupPlugin,
    ...notebookLessons({
      siteDir: __dirname,
      notebooks: fixtures ?? "../notebooks",
      records: fixtures === undefined ? "../test/recordings/lessons" : "../test/site/fixtures/records",
      pages: lessonPages,
      routeBasePath: "lessons",
      cells: cellModules,
      // Hundreds of pages that few read.
      keptWhenVisited: ["api"],
      title: "Lessons",
      description:
        "One idea a step. Predict, then look. Every output on these pages is what running the cell gave, and a test runs them all again. Take a notebook along and change it.",
    }),
    ...apiPlugins,
  ],
  themeConfig: {
    colorMode: { respectPrefersColorScheme: true },
    navbar: {
      title: "netfilter-lab",
      logo: { alt: "", src: "img/logo.svg", srcDark: "img/logo-dark.svg", width: 28, height: 28 },
      items: [
        { to: "/lessons/", label: "Lessons", position: "left" },
        ...(fixtures === undefined
          ? [{ to: "/lessons/playground/", label: "Playground", position: "left" as const }]
          : []),
        { to: "/glossary/", label: "Glossary", position: "left" },
        ...(documented.length === 0 ? [] : [{ to: "/api/", label: "API", position: "left" as const }]),
        { to: "/extend/", label: "Extend a lesson", position: "left" },
        { to: "/about/", label: "How it is built", position: "left" },
        { to: "/how-do-you-know/", label: "Is it right?", position: "left" },
      ],
    },
    docs: { sidebar: { hideable: true } },
    footer: {
      copyright: [
        "<span>netfilter-lab, under the MIT licence</span>",
        `<a href="${baseUrl}about/">How it is built</a>`,
        `<a href="${baseUrl}how-do-you-know/">How do you know it is right?</a>`,
        `<a href="${baseUrl}known-differences/">Known differences from Linux</a>`,
        `<a href="${baseUrl}extend/">Extend a lesson</a>`,
      ].join(""),
    },
    prism: { theme: lightCode, darkTheme: darkCode },
  } satisfies Preset.ThemeConfig,
};

export default config;
