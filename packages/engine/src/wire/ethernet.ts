/** What a frame carries, by its Ethernet type. The kernel's counterpart is include/uapi/linux/if_ether.h. */
export const ETH_P_IP = 0x0800;
export const ETH_P_IPV6 = 0x86dd;
export const ETH_P_8021Q = 0x8100;
export const ETH_P_8021AD = 0x88a8;
export const ETH_P_TEB = 0x6558;
export const ETHERNET_HEADER_LENGTH = 14;
