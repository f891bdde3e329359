/** The lessons as the notebook plugin found them. */
import { usePluginData } from "@docusaurus/useGlobalData";
import type { LessonData } from "@netfilter-lab/docusaurus-plugin";

export function useLessons(): LessonData["lessons"] {
  return (usePluginData("netfilter-lab-lessons") as LessonData).lessons;
}
