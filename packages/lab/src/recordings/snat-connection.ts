/**
 * What Linux 6.12 called for the question's own connection: the text of the kernel's function-graph tracer over three
 * hosts, with one rule in each of iptables-legacy's nat, mangle and filter tables on the gateway. Taken in an emulated
 * machine; test/recordings/README.md tells how, and a test holds this copy against the recording there.
 */
export const snatConnectionFunctionGraph: string = `ip_output() {
  nf_hook_slow();
  ip_rcv() {
    nf_hook_slow() {
      ipv4_conntrack_defrag [nf_defrag_ipv4]();
      ipv4_conntrack_in [nf_conntrack]() {
        nf_conntrack_in [nf_conntrack]() {
          nf_ct_get_tuple [nf_conntrack]();
          hash_conntrack_raw [nf_conntrack]();
          __nf_conntrack_find_get [nf_conntrack]();
          nf_ct_invert_tuple [nf_conntrack]();
          __nf_conntrack_alloc [nf_conntrack]();
          nf_ct_ecache_ext_add [nf_conntrack]() {
            nf_ct_ext_add [nf_conntrack]();
          }
          nf_conntrack_tcp_packet [nf_conntrack]() {
            nf_ct_seq_offset [nf_conntrack]();
            __nf_ct_refresh_acct [nf_conntrack]() {
              nf_ct_acct_add [nf_conntrack]();
            }
          }
        }
      }
      iptable_mangle_hook [iptable_mangle]() {
        ipt_do_table [ip_tables]();
      }
      nf_nat_ipv4_pre_routing [nf_nat]() {
        nf_nat_inet_fn [nf_nat]() {
          ipt_do_table [ip_tables]();
          __nf_nat_alloc_null_binding [nf_nat]() {
            nf_nat_setup_info [nf_nat]() {
              nf_ct_invert_tuple [nf_conntrack]();
              nf_ct_invert_tuple [nf_conntrack]();
              nf_conntrack_tuple_taken [nf_conntrack]() {
                hash_conntrack_raw [nf_conntrack]();
              }
            }
          }
        }
      }
    }
    ip_route_input_noref();
    ip_forward() {
      nf_hook_slow() {
        iptable_mangle_hook [iptable_mangle]() {
          ipt_do_table [ip_tables]();
        }
        ipt_do_table [ip_tables]();
      }
      ip_output() {
        nf_hook_slow() {
          iptable_mangle_hook [iptable_mangle]() {
            ipt_do_table [ip_tables]();
          }
          nf_nat_ipv4_out [nf_nat]() {
            nf_nat_inet_fn [nf_nat]() {
              ipt_do_table [ip_tables]() {
                nf_nat_setup_info [nf_nat]() {
                  nf_ct_invert_tuple [nf_conntrack]();
                  nf_ct_invert_tuple [nf_conntrack]();
                  nf_conntrack_tuple_taken [nf_conntrack]() {
                    hash_conntrack_raw [nf_conntrack]();
                  }
                  nf_ct_invert_tuple [nf_conntrack]();
                }
              }
              nf_nat_manip_pkt [nf_nat]() {
                nf_ct_invert_tuple [nf_conntrack]();
                nf_nat_ipv4_manip_pkt [nf_nat]();
              }
            }
          }
          nf_confirm [nf_conntrack]() {
            __nf_conntrack_confirm [nf_conntrack]() {
              hash_conntrack_raw [nf_conntrack]();
              nf_conntrack_double_lock.isra.0 [nf_conntrack]();
              __nf_conntrack_insert_prepare [nf_conntrack]();
              __nf_conntrack_hash_insert [nf_conntrack]();
            }
            nf_ct_deliver_cached_events [nf_conntrack]() {
              __nf_conntrack_eventmask_report [nf_conntrack]() {
                nf_ct_l4proto_find [nf_conntrack]();
                nf_ct_l4proto_find [nf_conntrack]();
                nf_ct_port_tuple_to_nlattr [nf_conntrack]();
                nf_ct_l4proto_find [nf_conntrack]();
                nf_ct_port_tuple_to_nlattr [nf_conntrack]();
                nf_ct_get_id [nf_conntrack]();
                nf_ct_l4proto_find [nf_conntrack]();
              }
            }
          }
        }
      }
    }
  }
  ip_rcv() {
    ip_route_input_noref();
    ip_local_deliver() {
      ip_output() {
        nf_hook_slow();
      }
    }
  }
  ip_rcv() {
    nf_hook_slow() {
      ipv4_conntrack_defrag [nf_defrag_ipv4]();
      ipv4_conntrack_in [nf_conntrack]() {
        nf_conntrack_in [nf_conntrack]() {
          nf_ct_get_tuple [nf_conntrack]();
          hash_conntrack_raw [nf_conntrack]();
          __nf_conntrack_find_get [nf_conntrack]();
          nf_conntrack_tcp_packet [nf_conntrack]() {
            nf_ct_seq_offset [nf_conntrack]();
            __nf_ct_refresh_acct [nf_conntrack]() {
              nf_ct_acct_add [nf_conntrack]();
            }
          }
        }
      }
      iptable_mangle_hook [iptable_mangle]() {
        ipt_do_table [ip_tables]();
      }
      nf_nat_ipv4_pre_routing [nf_nat]() {
        nf_nat_inet_fn [nf_nat]() {
          nf_nat_manip_pkt [nf_nat]() {
            nf_ct_invert_tuple [nf_conntrack]();
            nf_nat_ipv4_manip_pkt [nf_nat]();
          }
        }
      }
    }
    ip_route_input_noref();
    ip_forward() {
      nf_hook_slow() {
        iptable_mangle_hook [iptable_mangle]() {
          ipt_do_table [ip_tables]();
        }
        ipt_do_table [ip_tables]();
      }
      ip_output() {
        nf_hook_slow() {
          iptable_mangle_hook [iptable_mangle]() {
            ipt_do_table [ip_tables]();
          }
          nf_nat_ipv4_out [nf_nat]() {
            nf_nat_inet_fn [nf_nat]();
          }
          nf_confirm [nf_conntrack]() {
            nf_ct_deliver_cached_events [nf_conntrack]() {
              __nf_conntrack_eventmask_report [nf_conntrack]() {
                nf_ct_l4proto_find [nf_conntrack]();
                nf_ct_l4proto_find [nf_conntrack]();
                nf_ct_port_tuple_to_nlattr [nf_conntrack]();
                nf_ct_l4proto_find [nf_conntrack]();
                nf_ct_port_tuple_to_nlattr [nf_conntrack]();
                nf_ct_get_id [nf_conntrack]();
                nf_ct_l4proto_find [nf_conntrack]();
              }
            }
          }
        }
      }
    }
  }
  ip_rcv() {
    ip_route_input_noref();
    ip_local_deliver();
  }
}
ip_output() {
  nf_hook_slow();
  ip_rcv() {
    nf_hook_slow() {
      ipv4_conntrack_defrag [nf_defrag_ipv4]();
      ipv4_conntrack_in [nf_conntrack]() {
        nf_conntrack_in [nf_conntrack]() {
          nf_ct_get_tuple [nf_conntrack]();
          hash_conntrack_raw [nf_conntrack]();
          __nf_conntrack_find_get [nf_conntrack]();
          nf_conntrack_tcp_packet [nf_conntrack]() {
            nf_ct_seq_offset [nf_conntrack]();
            __nf_ct_refresh_acct [nf_conntrack]() {
              nf_ct_acct_add [nf_conntrack]();
            }
          }
        }
      }
      iptable_mangle_hook [iptable_mangle]() {
        ipt_do_table [ip_tables]();
      }
      nf_nat_ipv4_pre_routing [nf_nat]() {
        nf_nat_inet_fn [nf_nat]();
      }
    }
    ip_route_input_noref();
    ip_forward() {
      nf_hook_slow() {
        iptable_mangle_hook [iptable_mangle]() {
          ipt_do_table [ip_tables]();
        }
        ipt_do_table [ip_tables]();
      }
      ip_output() {
        nf_hook_slow() {
          iptable_mangle_hook [iptable_mangle]() {
            ipt_do_table [ip_tables]();
          }
          nf_nat_ipv4_out [nf_nat]() {
            nf_nat_inet_fn [nf_nat]() {
              nf_nat_manip_pkt [nf_nat]() {
                nf_ct_invert_tuple [nf_conntrack]();
                nf_nat_ipv4_manip_pkt [nf_nat]();
              }
            }
          }
          nf_confirm [nf_conntrack]() {
            nf_ct_deliver_cached_events [nf_conntrack]() {
              __nf_conntrack_eventmask_report [nf_conntrack]() {
                nf_ct_l4proto_find [nf_conntrack]();
                nf_ct_l4proto_find [nf_conntrack]();
                nf_ct_port_tuple_to_nlattr [nf_conntrack]();
                nf_ct_l4proto_find [nf_conntrack]();
                nf_ct_port_tuple_to_nlattr [nf_conntrack]();
                nf_ct_get_id [nf_conntrack]();
                nf_ct_l4proto_find [nf_conntrack]();
              }
            }
          }
        }
      }
    }
  }
  ip_rcv() {
    ip_route_input_noref();
    ip_local_deliver();
  }
}
ip_output() {
  nf_hook_slow();
  ip_rcv() {
    nf_hook_slow() {
      ipv4_conntrack_defrag [nf_defrag_ipv4]();
      ipv4_conntrack_in [nf_conntrack]() {
        nf_conntrack_in [nf_conntrack]() {
          nf_ct_get_tuple [nf_conntrack]();
          hash_conntrack_raw [nf_conntrack]();
          __nf_conntrack_find_get [nf_conntrack]();
          nf_conntrack_tcp_packet [nf_conntrack]() {
            nf_ct_seq_offset [nf_conntrack]();
            __nf_ct_refresh_acct [nf_conntrack]() {
              nf_ct_acct_add [nf_conntrack]();
            }
          }
        }
      }
      iptable_mangle_hook [iptable_mangle]() {
        ipt_do_table [ip_tables]();
      }
      nf_nat_ipv4_pre_routing [nf_nat]() {
        nf_nat_inet_fn [nf_nat]();
      }
    }
    ip_route_input_noref();
    ip_forward() {
      nf_hook_slow() {
        iptable_mangle_hook [iptable_mangle]() {
          ipt_do_table [ip_tables]();
        }
        ipt_do_table [ip_tables]();
      }
      ip_output() {
        nf_hook_slow() {
          iptable_mangle_hook [iptable_mangle]() {
            ipt_do_table [ip_tables]();
          }
          nf_nat_ipv4_out [nf_nat]() {
            nf_nat_inet_fn [nf_nat]() {
              nf_nat_manip_pkt [nf_nat]() {
                nf_ct_invert_tuple [nf_conntrack]();
                nf_nat_ipv4_manip_pkt [nf_nat]();
              }
            }
          }
          nf_confirm [nf_conntrack]() {
            nf_ct_deliver_cached_events [nf_conntrack]() {
              __nf_conntrack_eventmask_report [nf_conntrack]();
            }
          }
        }
      }
    }
  }
  ip_rcv() {
    ip_local_deliver() {
      ip_output() {
        nf_hook_slow();
      }
    }
  }
  ip_rcv() {
    nf_hook_slow() {
      ipv4_conntrack_defrag [nf_defrag_ipv4]();
      ipv4_conntrack_in [nf_conntrack]() {
        nf_conntrack_in [nf_conntrack]() {
          nf_ct_get_tuple [nf_conntrack]();
          hash_conntrack_raw [nf_conntrack]();
          __nf_conntrack_find_get [nf_conntrack]();
          nf_conntrack_tcp_packet [nf_conntrack]() {
            nf_ct_seq_offset [nf_conntrack]();
            __nf_ct_refresh_acct [nf_conntrack]() {
              nf_ct_acct_add [nf_conntrack]();
            }
          }
        }
      }
      iptable_mangle_hook [iptable_mangle]() {
        ipt_do_table [ip_tables]();
      }
      nf_nat_ipv4_pre_routing [nf_nat]() {
        nf_nat_inet_fn [nf_nat]() {
          nf_nat_manip_pkt [nf_nat]() {
            nf_ct_invert_tuple [nf_conntrack]();
            nf_nat_ipv4_manip_pkt [nf_nat]();
          }
        }
      }
    }
    ip_route_input_noref();
    ip_forward() {
      nf_hook_slow() {
        iptable_mangle_hook [iptable_mangle]() {
          ipt_do_table [ip_tables]();
        }
        ipt_do_table [ip_tables]();
      }
      ip_output() {
        nf_hook_slow() {
          iptable_mangle_hook [iptable_mangle]() {
            ipt_do_table [ip_tables]();
          }
          nf_nat_ipv4_out [nf_nat]() {
            nf_nat_inet_fn [nf_nat]();
          }
          nf_confirm [nf_conntrack]() {
            nf_ct_deliver_cached_events [nf_conntrack]() {
              __nf_conntrack_eventmask_report [nf_conntrack]();
            }
          }
        }
      }
    }
  }
  ip_rcv() {
    ip_route_input_noref();
    ip_local_deliver();
  }
}
ip_output() {
  nf_hook_slow();
  ip_rcv() {
    nf_hook_slow() {
      ipv4_conntrack_defrag [nf_defrag_ipv4]();
      ipv4_conntrack_in [nf_conntrack]() {
        nf_conntrack_in [nf_conntrack]() {
          nf_ct_get_tuple [nf_conntrack]();
          hash_conntrack_raw [nf_conntrack]();
          __nf_conntrack_find_get [nf_conntrack]();
          nf_conntrack_tcp_packet [nf_conntrack]() {
            nf_ct_seq_offset [nf_conntrack]();
            __nf_ct_refresh_acct [nf_conntrack]() {
              nf_ct_acct_add [nf_conntrack]();
            }
          }
        }
      }
      iptable_mangle_hook [iptable_mangle]() {
        ipt_do_table [ip_tables]();
      }
      nf_nat_ipv4_pre_routing [nf_nat]() {
        nf_nat_inet_fn [nf_nat]();
      }
    }
    ip_route_input_noref();
    ip_forward() {
      nf_hook_slow() {
        iptable_mangle_hook [iptable_mangle]() {
          ipt_do_table [ip_tables]();
        }
        ipt_do_table [ip_tables]();
      }
      ip_output() {
        nf_hook_slow() {
          iptable_mangle_hook [iptable_mangle]() {
            ipt_do_table [ip_tables]();
          }
          nf_nat_ipv4_out [nf_nat]() {
            nf_nat_inet_fn [nf_nat]() {
              nf_nat_manip_pkt [nf_nat]() {
                nf_ct_invert_tuple [nf_conntrack]();
                nf_nat_ipv4_manip_pkt [nf_nat]();
              }
            }
          }
          nf_confirm [nf_conntrack]() {
            nf_ct_deliver_cached_events [nf_conntrack]() {
              __nf_conntrack_eventmask_report [nf_conntrack]() {
                nf_ct_l4proto_find [nf_conntrack]();
                nf_ct_l4proto_find [nf_conntrack]();
                nf_ct_port_tuple_to_nlattr [nf_conntrack]();
                nf_ct_l4proto_find [nf_conntrack]();
                nf_ct_port_tuple_to_nlattr [nf_conntrack]();
                nf_ct_get_id [nf_conntrack]();
                nf_ct_l4proto_find [nf_conntrack]();
              }
            }
          }
        }
      }
    }
  }
  ip_rcv() {
    ip_local_deliver();
  }
}
ip_output() {
  nf_hook_slow();
  ip_rcv() {
    nf_hook_slow() {
      ipv4_conntrack_defrag [nf_defrag_ipv4]();
      ipv4_conntrack_in [nf_conntrack]() {
        nf_conntrack_in [nf_conntrack]() {
          nf_ct_get_tuple [nf_conntrack]();
          hash_conntrack_raw [nf_conntrack]();
          __nf_conntrack_find_get [nf_conntrack]();
          nf_conntrack_tcp_packet [nf_conntrack]() {
            nf_ct_seq_offset [nf_conntrack]();
            __nf_ct_refresh_acct [nf_conntrack]() {
              nf_ct_acct_add [nf_conntrack]();
            }
          }
        }
      }
      iptable_mangle_hook [iptable_mangle]() {
        ipt_do_table [ip_tables]();
      }
      nf_nat_ipv4_pre_routing [nf_nat]() {
        nf_nat_inet_fn [nf_nat]() {
          nf_nat_manip_pkt [nf_nat]() {
            nf_ct_invert_tuple [nf_conntrack]();
            nf_nat_ipv4_manip_pkt [nf_nat]();
          }
        }
      }
    }
    ip_route_input_noref();
    ip_forward() {
      nf_hook_slow() {
        iptable_mangle_hook [iptable_mangle]() {
          ipt_do_table [ip_tables]();
        }
        ipt_do_table [ip_tables]();
      }
      ip_output() {
        nf_hook_slow() {
          iptable_mangle_hook [iptable_mangle]() {
            ipt_do_table [ip_tables]();
          }
          nf_nat_ipv4_out [nf_nat]() {
            nf_nat_inet_fn [nf_nat]();
          }
          nf_confirm [nf_conntrack]() {
            nf_ct_deliver_cached_events [nf_conntrack]() {
              __nf_conntrack_eventmask_report [nf_conntrack]() {
                nf_ct_l4proto_find [nf_conntrack]();
                nf_ct_l4proto_find [nf_conntrack]();
                nf_ct_port_tuple_to_nlattr [nf_conntrack]();
                nf_ct_l4proto_find [nf_conntrack]();
                nf_ct_port_tuple_to_nlattr [nf_conntrack]();
                nf_ct_get_id [nf_conntrack]();
                nf_ct_l4proto_find [nf_conntrack]();
              }
            }
          }
        }
      }
    }
  }
  ip_rcv() {
    ip_route_input_noref();
    ip_local_deliver() {
      ip_output() {
        nf_hook_slow();
      }
    }
  }
  ip_rcv() {
    nf_hook_slow() {
      ipv4_conntrack_defrag [nf_defrag_ipv4]();
      ipv4_conntrack_in [nf_conntrack]() {
        nf_conntrack_in [nf_conntrack]() {
          nf_ct_get_tuple [nf_conntrack]();
          hash_conntrack_raw [nf_conntrack]();
          __nf_conntrack_find_get [nf_conntrack]();
          nf_conntrack_tcp_packet [nf_conntrack]() {
            nf_ct_seq_offset [nf_conntrack]();
            __nf_ct_refresh_acct [nf_conntrack]() {
              nf_ct_acct_add [nf_conntrack]();
            }
          }
        }
      }
      iptable_mangle_hook [iptable_mangle]() {
        ipt_do_table [ip_tables]();
      }
      nf_nat_ipv4_pre_routing [nf_nat]() {
        nf_nat_inet_fn [nf_nat]();
      }
    }
    ip_route_input_noref();
    ip_forward() {
      nf_hook_slow() {
        iptable_mangle_hook [iptable_mangle]() {
          ipt_do_table [ip_tables]();
        }
        ipt_do_table [ip_tables]();
      }
      ip_output() {
        nf_hook_slow() {
          iptable_mangle_hook [iptable_mangle]() {
            ipt_do_table [ip_tables]();
          }
          nf_nat_ipv4_out [nf_nat]() {
            nf_nat_inet_fn [nf_nat]() {
              nf_nat_manip_pkt [nf_nat]() {
                nf_ct_invert_tuple [nf_conntrack]();
                nf_nat_ipv4_manip_pkt [nf_nat]();
              }
            }
          }
          nf_confirm [nf_conntrack]() {
            nf_ct_deliver_cached_events [nf_conntrack]() {
              __nf_conntrack_eventmask_report [nf_conntrack]() {
                nf_ct_l4proto_find [nf_conntrack]();
                nf_ct_l4proto_find [nf_conntrack]();
                nf_ct_port_tuple_to_nlattr [nf_conntrack]();
                nf_ct_l4proto_find [nf_conntrack]();
                nf_ct_port_tuple_to_nlattr [nf_conntrack]();
                nf_ct_get_id [nf_conntrack]();
                nf_ct_l4proto_find [nf_conntrack]();
              }
            }
          }
        }
      }
    }
  }
  ip_rcv() {
    ip_local_deliver();
  }
}
} /* schedule */
`;
