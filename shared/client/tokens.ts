/** Anonymous admission for clients: `asunder/tokens`, for Node and browsers. It takes in what blinding needs, and only it does. */
export { readIssuer, type Issuer } from './issuer.ts'
export { createWallet, type Holding, type Wallet, type WalletOptions } from './wallet.ts'
