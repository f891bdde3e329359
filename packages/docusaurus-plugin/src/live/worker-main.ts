/** What the worker's file runs. */
import { serve } from "./worker.js";

serve();
