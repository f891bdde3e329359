import Layout from "@theme/Layout";
import type { ReactNode } from "react";
import Lessons from "../components/Lessons";
import Puzzle from "../components/Puzzle";
import Start from "../components/Start";
import styles from "./index.module.css";

export default function Home(): ReactNode {
  return (
    <Layout description="Linux’s conntrack and NAT, packet by packet: the real commands, the hooks, the tuples and every rewrite, in lessons that run as notebooks.">
      <main>
        <section className={styles["hero"]}>
          <div className={styles["say"]}>
            <h1>How does Linux track a connection whose packets NAT rewrites?</h1>
            <p className={styles["lead"]}>
              Linux’s connection tracking and NAT as an engine that you can stop and look into. Short lessons follow
              each packet from hook to hook; every step is a command you know, and runs in a notebook.
            </p>
            <Start />
          </div>
          <Puzzle />
        </section>
        <section className={styles["band"]}>
          <div className={styles["columns"]}>
            <div>
              <h2>The commands you know</h2>
              <p>
                <code>iptables</code>, <code>conntrack</code>, <code>ip</code>, <code>tcpdump</code>: with their
                options, their text, and their error messages. What you learn here you can type on a router.
              </p>
            </div>
            <div>
              <h2>The kernel’s semantics</h2>
              <p>
                Hosts with a real TCP send real bytes through hooks, tables and one conntrack hash. Functions carry the
                kernel’s names, so that each step can be looked up in <code>net/netfilter</code>.
              </p>
            </div>
            <div>
              <h2>Nothing is painted</h2>
              <p>
                Each page is a notebook; each output is what its cell printed; a test runs them all again. Time is
                virtual: 120 seconds of TIME_WAIT pass at once.
              </p>
            </div>
          </div>
        </section>
        <Lessons />
      </main>
    </Layout>
  );
}
