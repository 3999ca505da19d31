metadata description = 'What the service may do with the resources of this group, and what the deployer may: one role for each, no more.'

@description('Object id of the identity of the service.')
param servicePrincipalId string
@description('Object id of the deployer; empty for none.')
param deployerId string
@description('Type of the deployer.')
param deployerType string
@description('Name of the storage account.')
param storageName string
@description('Name of the vault for kubeconfigs.')
param mainVaultName string
@description('Name of the vault for secrets of one run.')
param temporaryVaultName string
@description('Name of the Service Bus.')
param busName string
@description('Name of the queue.')
param queueName string
@description('Name of the topic.')
param topicName string
@description('Name of Application Insights.')
param insightsName string
@description('Name of the scheduler; empty when the back end is Azure Storage.')
param schedulerName string

var roles = loadJsonContent('roles.json')
var ofStorage = [
  roles.storageBlobDataOwner
  roles.storageQueueDataContributor
  roles.storageTableDataContributor
]

resource account 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: storageName
}

resource mainVault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: mainVaultName
}

resource temporaryVault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: temporaryVaultName
}

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = {
  name: busName
}

resource queue 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' existing = {
  parent: namespace
  name: queueName
}

resource topic 'Microsoft.ServiceBus/namespaces/topics@2024-01-01' existing = {
  parent: namespace
  name: topicName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource scheduler 'Microsoft.DurableTask/schedulers@2026-02-01' existing = {
  name: empty(schedulerName) ? 'none' : schedulerName
}

resource storageRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in ofStorage: {
    scope: account
    name: guid(account.id, servicePrincipalId, role)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
      principalId: servicePrincipalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource readsSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: mainVault
  name: guid(mainVault.id, servicePrincipalId, roles.keyVaultSecretsUser)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
    principalId: servicePrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource writesSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: temporaryVault
  name: guid(temporaryVault.id, servicePrincipalId, roles.keyVaultSecretsOfficer)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsOfficer)
    principalId: servicePrincipalId
    principalType: 'ServicePrincipal'
  }
}

// Owner, on the queue alone: a receiver may take messages, but scaling from zero reads how many wait.
resource takesMessages 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: queue
  name: guid(queue.id, servicePrincipalId, roles.serviceBusDataOwner)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.serviceBusDataOwner)
    principalId: servicePrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource sendsEvents 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: topic
  name: guid(topic.id, servicePrincipalId, roles.serviceBusDataSender)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.serviceBusDataSender)
    principalId: servicePrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource sendsTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: insights
  name: guid(insights.id, servicePrincipalId, roles.monitoringMetricsPublisher)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.monitoringMetricsPublisher)
    principalId: servicePrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource runsWorkflows 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(schedulerName)) {
  scope: scheduler
  name: guid(resourceGroup().id, schedulerName, servicePrincipalId, roles.durableTaskDataContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.durableTaskDataContributor)
    principalId: servicePrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource deployerSeesWorkflows 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(schedulerName) && !empty(deployerId)) {
  scope: scheduler
  name: guid(resourceGroup().id, schedulerName, deployerId, roles.durableTaskDataContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.durableTaskDataContributor)
    principalId: deployerId
    principalType: deployerType
  }
}

resource deployerSetsSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(deployerId)) {
  scope: mainVault
  name: guid(mainVault.id, deployerId, roles.keyVaultSecretsOfficer)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsOfficer)
    principalId: deployerId
    principalType: deployerType
  }
}

// For `arcway --key-vault`, which stores the credential of a run there.
resource deployerStoresCredentials 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(deployerId)) {
  scope: temporaryVault
  name: guid(temporaryVault.id, deployerId, roles.keyVaultSecretsOfficer)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsOfficer)
    principalId: deployerId
    principalType: deployerType
  }
}
