metadata description = 'Two key vaults: one for kubeconfigs and the secrets of the page, one for secrets of one run, which the service may write.'

@description('Name of the vault for kubeconfigs.')
@maxLength(24)
param mainName string
@description('Name of the vault for secrets of one run.')
@maxLength(24)
param temporaryName string
@description('Workspace that audit logs go to.')
param workspaceId string
@description('Region.')
param location string
@description('Tags.')
param tags object
@description('Whether only private endpoints reach them.')
param isPrivate bool

resource main 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: mainName
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enablePurgeProtection: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    publicNetworkAccess: isPrivate ? 'disabled' : 'enabled'
  }
}

resource temporary 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: temporaryName
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enablePurgeProtection: true
    enableSoftDelete: true
    // What was made for one run is of no use later.
    softDeleteRetentionInDays: 7
    publicNetworkAccess: isPrivate ? 'disabled' : 'enabled'
  }
}

resource mainAudit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: main
  name: 'audit'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'audit'
        enabled: true
      }
    ]
  }
}

resource temporaryAudit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: temporary
  name: 'audit'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'audit'
        enabled: true
      }
    ]
  }
}

@description('Resource id of the vault for kubeconfigs.')
output mainId string = main.id
@description('Its name.')
output mainName string = main.name
@description('Its address.')
output mainUri string = main.properties.vaultUri
@description('Resource id of the vault for secrets of one run.')
output temporaryId string = temporary.id
@description('Its name.')
output temporaryName string = temporary.name
@description('Its address.')
output temporaryUri string = temporary.properties.vaultUri
