targetScope = 'subscription'

metadata description = 'Arcway in Azure: a function app on Flex Consumption, its workflow engine, broker, vaults and monitoring.'

// Texts, because azd hands settings of its environment over as texts.
@description('Name of the environment; part of the names of all resources.')
@minLength(1)
@maxLength(32)
param environmentName string

@description('Region of all resources.')
@minLength(1)
param location string

@description('Application id of the API in Entra ID. The hook preprovision registers it.')
@minLength(36)
param apiClientId string

@description('Where the workflow keeps its state: the Durable Task Scheduler or Azure Storage. The package must have the host.json of the same back end.')
@allowed([
  'scheduler'
  'storage'
])
param durableBackend string = 'scheduler'

@description('Memory of one instance in MB.')
@allowed([
  '2048'
  '4096'
])
param instanceMemory string = '2048'

@description('Most instances at once. Azure limits requests for each subscription, so more instances do not connect more clusters.')
param maximumInstances string = '40'

@description('Instances that always run and answer requests; 0 is the cheapest.')
param alwaysReadyHttp string = '0'

@description('Instances that always run and do the steps of runs; 0 is the cheapest.')
param alwaysReadyDurable string = '0'

@description('Whether everything is in a virtual network, with private endpoints and one fixed egress address.')
@allowed([
  'true'
  'false'
])
param vnetEnabled string = 'false'

@description('Subscriptions whose clusters are connected, separated by commas; none means the subscription of the deployment.')
param targetSubscriptions string = ''

@description('Whether Arcway may create resource groups in the target subscriptions.')
@allowed([
  'true'
  'false'
])
param createResourceGroups string = 'false'

@description('Whether Arcway may delete connected clusters in the target subscriptions.')
@allowed([
  'true'
  'false'
])
param offboard string = 'true'

@description('Whether Arcway may assign policies in the target subscriptions.')
@allowed([
  'true'
  'false'
])
param policies string = 'false'

@description('Whether Arcway may link connected clusters in the target subscriptions to an Azure Arc gateway.')
@allowed([
  'true'
  'false'
])
param gateways string = 'false'

@description('Hosts that charts may come from, separated by commas.')
param registries string = 'mcr.microsoft.com'

@description('Limits of requests to Azure where they differ from the documented ones, such as reads=250+25/s,writes=200+10/s.')
param armLimits string = ''

@description('Days after which finished runs are removed.')
param retentionDays string = '30'

@description('Object id of the user or group who deploys: may set the secrets of the page and see the dashboard. None: no role.')
param principalId string = ''

@description('Type of principalId.')
@allowed([
  'User'
  'Group'
  'ServicePrincipal'
])
param principalType string = 'User'

@description('Mail address for alerts; none means that alerts notify nobody.')
param alertMail string = ''

var abbreviations = loadJsonContent('abbreviations.json')
var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var isPrivate = vnetEnabled == 'true'
var usesScheduler = durableBackend == 'scheduler'
var targets = empty(targetSubscriptions) ? [subscription().subscriptionId] : split(replace(targetSubscriptions, ' ', ''), ',')
var appName = '${abbreviations.functionApp}arcway-${token}'

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: '${abbreviations.resourceGroup}arcway-${environmentName}'
  location: location
  tags: tags
}

module identity 'identity.bicep' = {
  scope: group
  params: {
    name: '${abbreviations.identity}arcway-${token}'
    location: location
    tags: tags
  }
}

module network 'network.bicep' = if (isPrivate) {
  scope: group
  params: {
    name: '${abbreviations.network}arcway-${token}'
    location: location
    tags: tags
  }
}

module monitor 'monitor.bicep' = {
  scope: group
  params: {
    workspaceName: '${abbreviations.workspace}arcway-${token}'
    insightsName: '${abbreviations.insights}arcway-${token}'
    location: location
    tags: tags
  }
}

module storage 'storage.bicep' = {
  scope: group
  params: {
    name: '${abbreviations.storage}arcway${token}'
    location: location
    tags: tags
    isPrivate: isPrivate
  }
}

module vaults 'vaults.bicep' = {
  scope: group
  params: {
    mainName: '${abbreviations.vault}${token}'
    temporaryName: '${abbreviations.vault}t-${token}'
    workspaceId: monitor.outputs.workspaceId
    location: location
    tags: tags
    isPrivate: isPrivate
  }
}

module bus 'bus.bicep' = {
  scope: group
  params: {
    name: '${abbreviations.bus}arcway-${token}'
    location: location
    tags: tags
    isPrivate: isPrivate
  }
}

module durable 'durable.bicep' = if (usesScheduler) {
  scope: group
  params: {
    name: '${abbreviations.scheduler}arcway-${token}'
    location: location
    tags: tags
    isPrivate: isPrivate
    retentionDays: int(retentionDays)
  }
}

module endpoints 'endpoints.bicep' = if (isPrivate) {
  scope: group
  params: {
    location: location
    tags: tags
    networkId: network.?outputs.networkId ?? ''
    subnetId: network.?outputs.endpointSubnetId ?? ''
    services: union(
      [
        { name: 'blob', resourceId: storage.outputs.id, groupId: 'blob', zone: 'privatelink.blob.${environment().suffixes.storage}' }
        { name: 'queue', resourceId: storage.outputs.id, groupId: 'queue', zone: 'privatelink.queue.${environment().suffixes.storage}' }
        { name: 'table', resourceId: storage.outputs.id, groupId: 'table', zone: 'privatelink.table.${environment().suffixes.storage}' }
        { name: 'vault', resourceId: vaults.outputs.mainId, groupId: 'vault', zone: 'privatelink.vaultcore.azure.net' }
        { name: 'bus', resourceId: bus.outputs.id, groupId: 'namespace', zone: 'privatelink.servicebus.windows.net' }
      ],
      usesScheduler
        ? [
            { name: 'scheduler', resourceId: durable.?outputs.id ?? '', groupId: 'scheduler', zone: 'privatelink.durabletask.io' }
          ]
        : []
    )
    temporaryVaultId: vaults.outputs.temporaryId
  }
}

module access 'access.bicep' = {
  scope: group
  params: {
    servicePrincipalId: identity.outputs.principalId
    deployerId: principalId
    deployerType: principalType
    storageName: storage.outputs.name
    mainVaultName: vaults.outputs.mainName
    temporaryVaultName: vaults.outputs.temporaryName
    busName: bus.outputs.name
    queueName: bus.outputs.queueName
    topicName: bus.outputs.topicName
    insightsName: monitor.outputs.insightsName
    schedulerName: durable.?outputs.name ?? ''
  }
}

module app 'app.bicep' = {
  scope: group
  params: {
    name: appName
    planName: '${abbreviations.plan}arcway-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageName: storage.outputs.name
    packageContainerUrl: storage.outputs.packageContainerUrl
    schedulerEndpoint: durable.?outputs.endpoint ?? ''
    subnetId: network.?outputs.appSubnetId ?? ''
    instanceMemory: int(instanceMemory)
    maximumInstances: int(maximumInstances)
    alwaysReadyHttp: int(alwaysReadyHttp)
    alwaysReadyDurable: int(alwaysReadyDurable)
    insightsConnectionString: monitor.outputs.insightsConnectionString
    busHost: bus.outputs.host
    queueName: bus.outputs.queueName
    topicName: bus.outputs.topicName
    mainVaultUri: vaults.outputs.mainUri
    temporaryVaultUri: vaults.outputs.temporaryUri
    apiClientId: apiClientId
    registries: registries
    armLimits: armLimits
    retentionDays: retentionDays
  }
  // Without its roles the app cannot read its package.
  dependsOn: [
    access
    endpoints
  ]
}

module alerts 'alerts.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    insightsId: monitor.outputs.insightsId
    busId: bus.outputs.id
    queueName: bus.outputs.queueName
    healthUrl: '${app.outputs.uri}/api/health'
    mail: alertMail
  }
}

module target 'targets.bicep' = [
  for id in targets: {
    scope: subscription(id)
    params: {
      principalId: identity.outputs.principalId
      createResourceGroups: createResourceGroups == 'true'
      offboard: offboard == 'true'
      operatePolicies: policies == 'true'
      gateways: gateways == 'true'
    }
  }
]

@description('Region.')
output AZURE_LOCATION string = location
@description('Tenant whose users may call the API.')
output AZURE_TENANT_ID string = tenant().tenantId
@description('Resource group of everything here.')
output AZURE_RESOURCE_GROUP string = group.name
@description('Name of the function app, by the name that azd gives to services.')
output SERVICE_API_NAME string = app.outputs.name
@description('Name of the function app.')
output AZURE_FUNCTION_NAME string = app.outputs.name
@description('Address of Arcway, which the command line reads.')
output ARCWAY_SERVER string = app.outputs.uri
@description('Scope of tokens for Arcway, which the command line reads.')
output ARCWAY_SCOPE string = 'api://${apiClientId}/.default'
@description('Vault for kubeconfigs and the secrets of the page.')
output ARCWAY_VAULT_NAME string = vaults.outputs.mainName
@description('Vault for secrets of one run, for `arcway --key-vault`.')
output ARCWAY_KEY_VAULT string = vaults.outputs.temporaryUri
@description('Host of the Service Bus.')
output ARCWAY_BUS string = bus.outputs.host
@description('Principal of the service, for roles in other subscriptions.')
output ARCWAY_PRINCIPAL_ID string = identity.outputs.principalId
@description('The address from which the service calls clusters; empty without a virtual network, where it changes.')
output ARCWAY_EGRESS_ADDRESS string = network.?outputs.egressAddress ?? ''
