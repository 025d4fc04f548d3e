#include "peer.h"

extern const struct lw_peer lw_peer_onednn, lw_peer_xnnpack, lw_peer_openblas;

const struct lw_peer *const lw_peers[] = {
#ifdef LW_PEER_ONEDNN
    &lw_peer_onednn,
#endif
#ifdef LW_PEER_XNNPACK
    &lw_peer_xnnpack,
#endif
#ifdef LW_PEER_OPENBLAS
    &lw_peer_openblas,
#endif
    NULL,
};
